/* SPDX-License-Identifier: MIT */
/*
 * net_frames.h - frames for tests, layer by layer
 *
 * A frame starts with its Ethernet header; tags, IP and what is above are put
 * behind what is there.  Lengths and checksums are what frame_end() makes them.
 */
#ifndef NET_FRAMES_H
#define NET_FRAMES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct frame {
    uint8_t b[66000];
    uint32_t len, l3, l4;
};

#define FRAME_MAC "\x00\x16\x3e\x01\x02\x03"
#define FRAME_V4 "\x0a\x00\x00\x05"
#define FRAME_V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05"
#define FRAME_LL "\xfe\x80\0\0\0\0\0\0\x02\x16\x3e\xff\xfe\x01\x02\x03"
#define FRAME_NONE "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static inline void frame_put(struct frame *f, const void *bytes, uint32_t len)
{
    memcpy(f->b + f->len, bytes, len);
    f->len += len;
}

static inline void frame_u16(struct frame *f, uint32_t at, uint32_t v)
{
    f->b[at] = (uint8_t)(v >> 8);
    f->b[at + 1] = (uint8_t)v;
}

/* Of the type, which frame_tag() moves behind its tag. */
static inline void frame_ether(struct frame *f, uint16_t type)
{
    memset(f, 0, sizeof(*f));
    frame_put(f, "\x00\x16\x3e\xff\xff\xfe" FRAME_MAC, 12);
    f->len = 14;
    frame_u16(f, 12, type);
    f->l3 = 14;
}

static inline void frame_tag(struct frame *f, uint16_t tag_type)
{
    memcpy(f->b + f->len + 2, f->b + f->len - 2, 2);
    frame_u16(f, f->len - 2, tag_type);
    frame_u16(f, f->len, 42);
    f->len += 4;
    f->l3 = f->len;
}

static inline void frame_ipv4(struct frame *f, const char *from, uint8_t proto,
                              uint32_t option_words)
{
    uint8_t ip[60] = { (uint8_t)(0x45 + option_words) };

    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, from, 4);
    memcpy(ip + 16, "\x0a\0\0\x01", 4);
    f->l3 = f->len;
    frame_put(f, ip, 20 + 4 * option_words);
    f->l4 = f->len;
}

static inline void frame_ipv6(struct frame *f, const char *from, uint8_t proto)
{
    uint8_t ip[40] = { 0x60 };

    ip[6] = proto;
    ip[7] = 255;
    memcpy(ip + 8, from, 16);
    memcpy(ip + 24, "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    f->l3 = f->len;
    frame_put(f, ip, 40);
    f->l4 = f->len;
}

/* An extension header of so many bytes, a multiple of 8. */
static inline void frame_extension(struct frame *f, uint8_t next,
                                   uint32_t bytes)
{
    f->b[f->len] = next;
    f->b[f->len + 1] = (uint8_t)(bytes / 8 - 1);
    f->len += bytes;
    f->l4 = f->len;
}

static inline void frame_fragment(struct frame *f, uint8_t next, uint16_t place)
{
    f->b[f->len] = next;
    f->b[f->len + 1] = 0;
    frame_u16(f, f->len + 2, place);
    f->len += 8;
    f->l4 = f->len;
}

static inline void frame_tcp(struct frame *f, uint32_t payload)
{
    f->b[f->len + 12] = 8 << 4; /* 12 bytes of options */
    f->b[f->len + 13] = 0x10;   /* ACK */
    f->len += 32;
    for (uint32_t i = 0; i < payload; i++)
        f->b[f->len++] = (uint8_t)(i * 7 + 3);
}

static inline void frame_udp(struct frame *f, uint16_t from, uint16_t to,
                             uint32_t payload)
{
    frame_u16(f, f->len, from);
    frame_u16(f, f->len + 2, to);
    frame_u16(f, f->len + 4, 8 + payload);
    f->len += 8;
    for (uint32_t i = 0; i < payload; i++)
        f->b[f->len++] = (uint8_t)(i * 5 + 1);
}

/* Slow and plain: what net_csum.c is compared with. */
static inline uint16_t frame_sum(const uint8_t *b, uint32_t len, uint32_t sum)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The pseudo header's, of the frame's transport header. */
static inline uint16_t frame_pseudo(const struct frame *f, uint8_t proto)
{
    bool v6 = f->b[f->l3] >> 4 == 6;

    return frame_sum(f->b + f->l3 + (v6 ? 8 : 12), v6 ? 32 : 8,
                     proto + (f->len - f->l4));
}

/* As its receiver sees it: 0xffff if the checksum is right. */
static inline uint16_t frame_total(const struct frame *f, uint8_t proto)
{
    return frame_sum(f->b + f->l4, f->len - f->l4, frame_pseudo(f, proto));
}

#endif
