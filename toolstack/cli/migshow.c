/* SPDX-License-Identifier: MIT */
/*
 * migshow.c - a transfer while it goes on
 */
#include "toolstack/cli/migshow.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <json-c/json.h>

#include "toolstack/cli/devinfo.h"

#define EPOCH_LAST UINT32_MAX
#define PAGE_KIB 4u

/* "1.5 MiB": two or three figures, whatever the size. */
static void size_text(uint64_t bytes, char out[24])
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double n = (double)bytes;
    uint32_t i = 0;

    for (; n >= 1000 && i < 4; i++)
        n /= 1024;
    snprintf(out, 24, i == 0 || n >= 99.95 ? "%.0f %s" : "%.1f %s", n, unit[i]);
}

static void time_text(uint64_t ms, char out[32])
{
    if (ms < 1000)
        snprintf(out, 32, "%" PRIu64 " ms", ms);
    else if (ms < 100000)
        snprintf(out, 32, "%.1f s", (double)ms / 1000);
    else
        snprintf(out, 32, "%" PRIu64 " min %" PRIu64 " s", ms / 60000,
                 ms / 1000 % 60);
}

/* ---- one line ---- */

__attribute__((format(printf, 2, 3))) static void add(char out[MIGSHOW_TEXT],
                                                      const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + used, MIGSHOW_TEXT - used, format, args);
    va_end(args);
}

/* Epoch 0 goes by pages, for those that are zero cost nothing to send. */
static uint64_t left_ms(const struct migshow *s, struct json_object *o,
                        uint64_t pages, uint64_t now_ms)
{
    uint64_t sent = devinfo_number(o, "sent_pages");
    uint64_t bytes_per_s = devinfo_number(o, "bytes_per_s");

    if (s->epoch == 0 && sent > s->began_pages && now_ms > s->began_ms)
        return pages * (now_ms - s->began_ms) / (sent - s->began_pages);
    if (s->epoch > 0 && bytes_per_s)
        return pages * PAGE_KIB * 1024 * 1000 / bytes_per_s +
               devinfo_number(o, "downtime_ms_estimate");
    return UINT64_MAX;
}

static uint64_t left_pages(const struct migshow *s, struct json_object *o)
{
    uint64_t sent = devinfo_number(o, "sent_pages");
    uint64_t ram = devinfo_number(o, "ram_pages");

    if (s->epoch > 0)
        return devinfo_number(o, "left_pages");
    return sent < ram ? ram - sent : 0;
}

/* ms; UINT64_MAX: not known, or the last epoch has begun. */
static uint64_t to_go(const struct migshow *s, struct json_object *o,
                      uint64_t now_ms)
{
    if (s->epoch == EPOCH_LAST || !devinfo_number(o, "ram_pages"))
        return UINT64_MAX;
    return left_ms(s, o, left_pages(s, o), now_ms);
}

static void add_figures(const struct migshow *s, struct json_object *o,
                        uint64_t now_ms, char out[MIGSHOW_TEXT])
{
    uint64_t stands = devinfo_number(o, "downtime_ms_estimate");
    uint64_t ms = to_go(s, o, now_ms);
    char size[24], time[32];

    size_text(devinfo_number(o, "bytes"), size);
    add(out, ", %" PRIu64 " pages in %s", devinfo_number(o, "sent_pages"),
        size);
    if (devinfo_number(o, "bytes_per_s")) {
        size_text(devinfo_number(o, "bytes_per_s"), size);
        add(out, ", %s/s", size);
    }
    add(out, ", %" PRIu64 " left", left_pages(s, o));
    if (s->epoch > 0 && stands) {
        time_text(stands, time);
        add(out, ", would stand still for %s", time);
    }
    if (ms != UINT64_MAX) {
        time_text(ms, time);
        add(out, ", %s to go", time);
    }
}

void migshow_text(const struct migshow *s, struct json_object *o,
                  uint64_t now_ms, char out[MIGSHOW_TEXT])
{
    snprintf(out, MIGSHOW_TEXT, "%s", s->state);
    if (!devinfo_number(o, "ram_pages"))
        return;
    if (s->epoch == EPOCH_LAST)
        add(out, ", last epoch");
    else
        add(out, ", epoch %" PRIu64, s->epoch);
    add_figures(s, o, now_ms, out);
}

static uint32_t columns_of(FILE *to)
{
    struct winsize w = { 0 };

    if (ioctl(fileno(to), TIOCGWINSZ, &w) < 0 || w.ws_col < 20)
        return 80;
    return w.ws_col;
}

static void print_time(FILE *to)
{
    time_t now = time(NULL);
    char text[24];
    struct tm tm;

    localtime_r(&now, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    fprintf(to, "%s ", text);
}

void migshow_clear(struct migshow *s)
{
    if (s->drawn)
        fputs("\r\033[K", s->to);
    s->drawn = false;
    fflush(s->to);
}

static void show(struct migshow *s, struct json_object *o, uint64_t now_ms,
                 bool news)
{
    char text[MIGSHOW_TEXT], line[MIGSHOW_TEXT + 64];

    migshow_text(s, o, now_ms, text);
    snprintf(line, sizeof(line), "%s: %s", s->name, text);
    if (s->terminal && !s->times) {
        fprintf(s->to, "\r%.*s\033[K", (int)columns_of(s->to) - 1, line);
        s->drawn = true;
    } else if (news) {
        if (s->times)
            print_time(s->to);
        fprintf(s->to, "%s\n", line);
    }
    fflush(s->to);
}

/* ---- for programs ---- */

/* The event as it is, and how long is to go, as people are told. */
static void print_json(const struct migshow *s, const char *method,
                       struct json_object *detail, uint64_t to_go_ms)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "name", json_object_new_string(s->name));
    json_object_object_add(o, "event", json_object_new_string(method));
    json_object_object_foreach(detail, key, part)
        json_object_object_add(o, key, json_object_get(part));
    if (to_go_ms != UINT64_MAX)
        json_object_object_add(o, "to_go_ms", json_object_new_uint64(to_go_ms));
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
                                               JSON_C_TO_STRING_NOSLASHESCAPE));
    fflush(stdout);
    json_object_put(o);
}

void migshow_event(struct migshow *s, const char *method, struct json_object *o,
                   uint64_t now_ms)
{
    const char *state = devinfo_text(o, "state");
    uint64_t epoch = devinfo_number(o, "epoch");
    bool news;

    if (strcmp(method, "migration") || !state) {
        if (s->json)
            print_json(s, method, o, UINT64_MAX);
        return;
    }
    news = !s->any || strcmp(state, s->state) || epoch != s->epoch;
    if (!s->any || epoch != s->epoch) {
        s->began_ms = now_ms;
        s->began_pages = devinfo_number(o, "sent_pages");
    }
    snprintf(s->state, sizeof(s->state), "%s", state);
    s->epoch = epoch;
    s->any = true;
    if (s->json)
        print_json(s, method, o, to_go(s, o, now_ms));
    else
        show(s, o, now_ms, news);
}

/* ---- the figures at the end ---- */

void migshow_table(FILE *to, const struct migask_result *r)
{
    char size[24], rate[24], time[32];

    time_text(r->total_ms, time);
    fprintf(to, "  total     %s\n", time);
    time_text(r->downtime_ms, time);
    fprintf(to, "  downtime  %s\n", time);
    size_text(r->bytes, size);
    size_text(r->total_ms ? r->bytes * 1000 / r->total_ms : 0, rate);
    fprintf(to, "  sent      %s, %s/s\n", size, rate);
    fprintf(to, "  epochs    %" PRIu64 "\n", r->epochs);
}
