/* SPDX-License-Identifier: MIT */
/*
 * mover_main.c - a process in freehold-migrate's place; its words are a test's
 *
 * $MOVER has a line for each step: a JSON object is said, `?WORD` waits for a
 * line with that word, `#` waits until the supervisor hangs up, `!` is a death,
 * `<N` reads so many bytes of its connection.  $MOVER_LOG gets what the
 * supervisor said, and those bytes, in hex.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_FD 3
#define PEER_FD 4

static FILE *heard, *from;

/* False: it hung up. */
static int hear(char **line, size_t *bytes)
{
    if (getline(line, bytes, from) <= 0)
        return 0;
    fputs(*line, heard);
    fflush(heard);
    return 1;
}

static void wait_for(const char *word)
{
    char *line = NULL;
    size_t bytes = 0;

    while (hear(&line, &bytes))
        if (word && strstr(line, word))
            break;
    free(line);
}

static void say(const char *text)
{
    if (write(LINE_FD, text, strlen(text)) < 0 || write(LINE_FD, "\n", 1) < 0)
        exit(1);
}

static void hear_peer(unsigned long bytes)
{
    unsigned char c;

    while (bytes-- && read(PEER_FD, &c, 1) == 1)
        fprintf(heard, "%02x", c);
    fputc('\n', heard);
    fflush(heard);
}

int main(void)
{
    const char *script = getenv("MOVER");
    char *steps = script ? strdup(script) : NULL, *left = NULL;

    heard = fopen(getenv("MOVER_LOG"), "a");
    from = fdopen(LINE_FD, "r");
    if (!steps || !heard || !from)
        return 2;
    wait_for("side"); /* the first line */
    for (char *s = strtok_r(steps, "\n", &left); s;
         s = strtok_r(NULL, "\n", &left)) {
        if (*s == '!')
            raise(SIGKILL);
        else if (*s == '?')
            wait_for(s + 1);
        else if (*s == '<')
            hear_peer(strtoul(s + 1, NULL, 10));
        else if (*s == '#')
            wait_for(NULL);
        else
            say(s);
    }
    fclose(heard);
    fclose(from);
    free(steps);
    return 0;
}
