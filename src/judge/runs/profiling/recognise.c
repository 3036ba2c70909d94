/* Finds the hashes of segments in bytes of any format: as 32 hexadecimal digits, or as the 16 bytes
 * that these stand for. Hashes are random, so that nothing else looks like one. */
#include "profiling.h"

#include <stdio.h>
#include <string.h>

/* A table with open addressing, by the first 8 bytes. */
struct table {
    uint32_t *places; /* of segments, plus 1 */
    uint64_t mask;
};

static struct segment *segments;
static unsigned char (*raw)[16];
static uint32_t count;
static struct table texts, binaries;

static uint64_t key(const void *bytes) {
    uint64_t key;
    memcpy(&key, bytes, sizeof key);
    return key * 0x9E3779B97F4A7C15 >> 20;
}

static void put(struct table *table, const void *bytes, uint32_t number) {
    uint64_t at = key(bytes) & table->mask;
    while (table->places[at] != 0) {
        at = (at + 1) & table->mask;
    }
    table->places[at] = number + 1;
}

static int digit(unsigned char letter) {
    return letter >= '0' && letter <= '9' ? letter - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Which segment has these first bytes of its hash. The first one, where several have the same. */
static int64_t find(const struct table *table, const unsigned char *bytes, int is_text) {
    for (uint64_t at = key(bytes) & table->mask; table->places[at] != 0; at = (at + 1) & table->mask) {
        uint32_t number = table->places[at] - 1;
        if (is_text ? memcmp(segments[number].hash, bytes, 32) == 0 : memcmp(raw[number], bytes, 16) == 0) {
            return number;
        }
    }
    return -1;
}

void read_hashes(const char *folder) {
    char path[4096], hash[64];
    unsigned long long owners;
    snprintf(path, sizeof path, "%s/hashes", folder);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%u", &count) != 1) {
        count = 0;
    }
    uint64_t size = 16;
    while (size < 4 * (uint64_t)count) {
        size *= 2;
    }
    segments = calloc(count + 1, sizeof *segments);
    raw = calloc(count + 1, sizeof *raw);
    texts = (struct table){calloc(size, sizeof(uint32_t)), size - 1};
    binaries = (struct table){calloc(size, sizeof(uint32_t)), size - 1};
    for (uint32_t number = 0; number < count; number++) {
        if (fscanf(file, "%63s %llx", hash, &owners) != 2) {
            count = number;
            break;
        }
        memcpy(segments[number].hash, hash, 32);
        segments[number].owners = owners;
        put(&texts, segments[number].hash, number);
        for (int i = 0; i < 16; i++) {
            raw[number][i] = digit(hash[2 * i]) << 4 | digit(hash[2 * i + 1]);
        }
        put(&binaries, raw[number], number);
    }
    if (file != NULL) {
        fclose(file);
    }
}

const struct segment *segment(uint32_t number) {
    return &segments[number];
}

uint32_t recognise(const void *data, uint64_t length, uint32_t *found, uint32_t most, uint64_t *first) {
    const unsigned char *bytes = data;
    uint32_t times = 0;
    uint64_t digits = 0; /* as many end here */
    for (uint64_t at = 0; at < length && times < most && count > 0; at++) {
        int64_t number = -1;
        uint64_t begins = at;
        digits = digit(bytes[at]) < 0 ? 0 : digits + 1;
        if (digits >= 32) {
            begins = at - 31;
            number = find(&texts, bytes + begins, 1);
            digits = number < 0 ? digits : 0;
        }
        if (number < 0 && length - at >= 16) {
            begins = at;
            number = find(&binaries, bytes + at, 0);
        }
        if (number >= 0) {
            if (times == 0 && first != NULL) {
                *first = begins;
            }
            found[times++] = number;
        }
    }
    return times;
}
