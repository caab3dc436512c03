/* SPDX-License-Identifier: MIT */
/*
 * test_xlcfg.c - what xl's own parser reads, ours reads
 *
 * Cases by hand, then every file of the corpus; tests/fuzz/fuzz_xlcfg.c and
 * fuzz_xldev.c look for what nobody thought of.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "tests/xlcfg/oracle.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/vmcfg.h"

static void same(enum oracle_answer a, const char *what)
{
    if (a == ORACLE_DIFFERENT)
        print_error("%s: %s\n", what, oracle_why());
    CHECK_EQ(a, ORACLE_SAME);
}

static void known(enum oracle_answer a)
{
    CHECK_EQ(a, ORACLE_NOT_ASKED);
}

TEST(words_and_statements)
{
    static const char *const text[] = {
        "",
        ";;\n;",
        "a=1",
        "a = 1 ; b = 2\n",
        "a.b_c9 = 'x'",
        "A = 1",
        "_a = 1",
        "a",
        "a =",
        "a = \n1",
        "a\n= 1",
        "a = b",
        "a = 1 2",
        "a = 1b = 2",
        "a = 1z",
        "a = 1'x'",
        "a = 'x' 'y'",
        "a == 1",
        "a + = 1",
        "a =+ 1",
        "a = -1",
        "a = 1.5",
        "a = (1)",
        "a = 1\r\n",
        "a = 'x\r'",
        "\ta\t=\t1\t# c",
        "# only a comment",
        "a = 1 # c ; b = 2\nc = 3",
        "a = # c\n1",
        "def f():\n  return 1\n",
        "a = 'x' + 'y'",
        "\xef\xbb\xbf\x61 = 1",
        "a = '\xc3\xa4'",
        "a = 1 \xc3\xa4",
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
        same(oracle_cfg(text[i], strlen(text[i])), text[i]);
}

TEST(strings)
{
    static const char *const text[] = {
        "a = ''",          "a = \"\"",
        "a = 'it\\'s'",    "a = \"it's\"",
        "a = 'say \"x\"'", "a = \"\\\"\\\\\\a\\b\\f\\n\\r\\t\\v\"",
        "a = '\\q'",       "a = 'x",
        "a = 'x\ny'",      "a = 'x\\\ny'",
        "a = 'x\\",        "a = 'x\\'",
        "a = \"x'",        "a = '#'",
        "a = 'x;y'",
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
        same(oracle_cfg(text[i], strlen(text[i])), text[i]);
}

TEST(numbers_are_words_and_words_numbers)
{
    static const char *const text[] = {
        "a = 0x10",
        "a = 010",
        "a = 08",
        "a = 0x",
        "a = 12ab",
        "a = 99999999999999999999",
        "a = '512'",
        "a = ' 512'",
        "a = '512 '",
        "a = '-5'",
        "a = '+5'",
        "a = ''",
        "a = 9223372036854775807",
        "a = 9223372036854775808",
        "a = 1G",
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
        same(oracle_cfg(text[i], strlen(text[i])), text[i]);
}

TEST(lists)
{
    static const char *const text[] = {
        "a = []",
        "a = [ ]",
        "a = [\n]",
        "a = [,]",
        "a = [1,]",
        "a = [1,,2]",
        "a = [1 2]",
        "a = [\n1\n,\n2\n,\n]",
        "a = [ # c\n 1, # c\n 2 # c\n ]",
        "a = [[1],['x',[]],]",
        "a = [1",
        "a = [1]]",
        "a = [1] b = 2",
        "a = [1]; b = 2",
        "a\n[1]",
        "a = [b]",
        "a = [1;2]",
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
        same(oracle_cfg(text[i], strlen(text[i])), text[i]);
}

TEST(twice_and_more)
{
    static const char *const text[] = {
        "a = 1\na = 2",
        "a = 1\na = [2]",
        "a += 1",
        "a += 'x'",
        "a += [1]",
        "a = 1\na += 2",
        "a = 'x'\na += 5",
        "a = 1\na += 2\na = 3",
        "a = 'x'\na += 'y'",
        "a = [1]\na += [2,3]\na += []",
        "a = []\na += []\na += [1]",
        "a = [1]\na += 'x'",
        "a = 'x'\na += [1]",
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
        same(oracle_cfg(text[i], strlen(text[i])), text[i]);
}

TEST(what_is_known_to_differ_is_not_asked)
{
    char deep[256] = "a=";

    memset(deep + 2, '[', 100);
    memset(deep + 102, ']', 100);
    known(oracle_cfg("a='\\x41'", 8));
    known(oracle_cfg("a='\\101'", 8));
    known(oracle_cfg("a=1\0", 4));
    known(oracle_cfg(deep, strlen(deep)));
    known(oracle_rate("010MB/s"));
    known(oracle_disk("/dev/a,raw,xvda,rw="));
}

TEST(disks)
{
    static const char *const text[] = {
        "/dev/vg/web,raw,xvda,rw",
        "/img.qcow2,qcow2,xvda",
        "/img,,xvda",
        "phy:/dev/vg/web,xvda,w",
        "phy:vg/web,xvda1,r",
        "file:/a.img,hda,w",
        "tap:aio:/a.img,xvda,w",
        "tap2:qcow2:/a,xvda,w",
        "qcow:/a,xvda,w",
        "iscsi:iqn.2001-05:x,xvda,w",
        "drbd:res0,xvda,w",
        "phy:/dev/a,raw,xvda,w",
        "foo:/dev/a,xvda,w",
        "foo:bar,raw,xvda",
        "/a,raw,xvda,w,more",
        "/a,raw,xvda,x",
        "/a,bad,xvda,w",
        "/a",
        "/a,raw",
        "",
        ",,xvda",
        ",empty,hdc:cdrom,r",
        ",hdc:cdrom,r",
        "/a.iso,raw,hdc:cdrom,r",
        "/a.iso,,hdc,cdrom",
        "/a.iso,raw,hdc,devtype=cdrom",
        "/a,raw,xvda,devtype=disk",
        "/a,raw,xvda,devtype=tape",
        "vdev=xvda,target=/a,b,c",
        "vdev=xvda,format=raw,access=ro,target=/a,",
        " vdev=xvda ,\tformat=raw, target=/a",
        "vdev=xvda,vdev=xvdb,target=/a",
        "vdev=,vdev=xvdb,target=/a",
        "format=raw,format=raw,vdev=xvda,target=/a",
        "format=raw,format=qcow2,vdev=xvda,target=/a",
        "vdev=xvda,target=/a,backend=1,script=x",
        "backend=dd,script=block-x,vdev=xvda,target=/a",
        "backendtype=phy,vdev=xvda,target=/a",
        "backendtype=none,vdev=xvda,target=/a",
        "direct-io-safe,no-discard,untrusted,vdev=xvda,target=/a",
        "discard,trusted,grant_usage=1,specification=virtio,vdev=a,target=/a",
        "grant_usage=2,vdev=xvda,target=/a",
        "colour=red,vdev=xvda,target=/a",
        "c=r,vdev=xvda,target=/a",
        "=,vdev=xvda,target=/a",
        "colo,colo-host=h,colo-port=9,colo-export=e,vdev=xvda,target=/a",
        "active-disk=a,hidden-disk=b,vdev=xvda,target=/a",
        "colo-host=h,colo-host=i,vdev=xvda,target=/a",
        "colo-port=x,vdev=xvda,target=/a",
        "/a,raw,xvda\n,w",
        "  ",
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
        same(oracle_disk(text[i]), text[i]);
}

TEST(rates)
{
    static const char *const text[] = {
        "10MB/s",      "10Mb/s",   "1GB/s",          "512KB/s@20ms",
        "1B/s",        "1b/s",     "8b/s@1s",        "10MB/s@50000u",
        "10MB/s@1",    "10MB/s@",  "@20ms",          "",
        "10",          "10MB",     "MB/s",           "0MB/s",
        "10TB/s",      "10mB/s",   "4294967295GB/s", "4294967296B/s",
        "1MB/s@5000s", "1MB/s@0s", "1MB/s@1h",       "4294967295GB/s@4294s",
        " 10MB/s",     "10MB/s ",  "-1MB/s",         "1MB/s@20ms@1",
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
        same(oracle_rate(text[i]), text[i]);
}

/* ---- the corpus ---- */

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, CFGPARSE_FILE_MAX);

    CHECK(f != NULL && text != NULL);
    CHECK(fread(text, 1, CFGPARSE_FILE_MAX - 1, f) > 0);
    fclose(f);
    return text;
}

static void same_devices(const struct cfg *cfg)
{
    const struct cfg_setting *disk = cfg_find(cfg, "disk");
    const struct cfg_setting *vif = cfg_find(cfg, "vif");
    const struct cfg_value *v;

    for (v = disk ? disk->value->first : NULL; v; v = v->next)
        same(oracle_disk(v->text), v->text);
    for (v = vif ? vif->value->first : NULL; v; v = v->next) {
        const char *rate = strstr(v->text, "rate=");
        char text[64];

        if (!rate)
            continue;
        rate += strlen("rate=");
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(rate, ","), rate);
        same(oracle_rate(text), text);
    }
}

/* Its head says what becomes of it: `# freehold: accepted`, or refused why. */
static void as_its_head_says(const struct cfg *cfg, int rc, struct err *e,
                             const char *text)
{
    static const struct vmcfg_options options = { NULL, NULL, false };
    const char *head = strstr(text, "# freehold: ");
    struct vm_config vm = { 0 };
    char words[80];

    CHECK(head != NULL);
    snprintf(words, sizeof(words), "%.*s", (int)strcspn(head, "\n"), head);
    if (rc == 0)
        rc = vmcfg_load(cfg, &vm, &options, e);
    vmcfg_free(&vm);
    if (strcmp(words, "# freehold: accepted") == 0) {
        if (rc < 0)
            print_error("refused: %s\n", e->text);
        CHECK_EQ(rc, 0);
    } else {
        CHECK(rc < 0);
        CHECK_HAS(words, "# freehold: refused ");
        CHECK_HAS(e->text, words + strlen("# freehold: refused "));
    }
}

TEST(the_corpus)
{
    DIR *dir = opendir(CORPUS);
    struct dirent *d;
    uint32_t nr = 0;

    CHECK(dir != NULL);
    while ((d = readdir(dir))) {
        struct cfg cfg = { 0 };
        struct err e = { 0 };
        char path[512], *text;
        int rc;

        if (!strstr(d->d_name, ".cfg"))
            continue;
        print_message("%s\n", d->d_name);
        snprintf(path, sizeof(path), CORPUS "/%s", d->d_name);
        text = slurp(path);
        same(oracle_cfg(text, strlen(text)), d->d_name);
        rc = cfgparse_file(&cfg, path, &e);
        same_devices(&cfg);
        as_its_head_says(&cfg, rc, &e, text);
        cfg_free(&cfg);
        free(text);
        nr++;
    }
    closedir(dir);
    CHECK(nr >= 40);
}

RUN_TESTS(RULE(words_and_statements), RULE(strings),
          RULE(numbers_are_words_and_words_numbers), RULE(lists),
          RULE(twice_and_more), RULE(what_is_known_to_differ_is_not_asked),
          RULE(disks), RULE(rates), RULE(the_corpus))
