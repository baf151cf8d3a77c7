/* In: a port of 127.0.0.1, a file of datagrams, how many to send, and how many a second (0: as fast
 * as it goes). Out: they are sent, and one line says how many went out and in how many seconds.
 *
 * The file, in this machine's byte order: a u32 number of datagrams; each one's u32 length and
 * bytes; a u32 number of places; which datagram goes out at each place, as u32. Behind the last
 * place the first follows again.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static char *read_all(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) { perror(path); exit(1); }
    long size = ftell(file);
    char *content = malloc(size);
    rewind(file);
    if (fread(content, 1, size, file) != (size_t)size) { perror(path); exit(1); }
    fclose(file);
    return content;
}

static uint32_t number(char **at) {
    uint32_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return value;
}

int main(int count, char **words) {
    if (count != 5) { fprintf(stderr, "generate PORT FILE COUNT RATE\n"); return 2; }
    long wanted = atol(words[3]), sent = 0;
    double rate = atof(words[4]);
    char *at = read_all(words[2]);
    uint32_t distinct = number(&at);
    struct iovec *datagrams = calloc(distinct, sizeof *datagrams);
    for (uint32_t i = 0; i < distinct; i++) {
        datagrams[i].iov_len = number(&at);
        datagrams[i].iov_base = at;
        at += datagrams[i].iov_len;
    }
    uint32_t places = number(&at);
    uint32_t *order = calloc(places, sizeof *order);
    for (uint32_t i = 0; i < places; i++) order[i] = number(&at);

    int channel = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(channel, (struct sockaddr *)&target, sizeof target)) { perror("connect"); return 1; }
    prctl(PR_SET_TIMERSLACK, 1000UL);  /* a paced sender sleeps for tens of microseconds */

    struct mmsghdr batch[BATCH];
    memset(batch, 0, sizeof batch);
    double start = now();
    while (sent < wanted) {
        long due = wanted - sent;
        if (rate > 0) {
            long by_now = (long)((now() - start) * rate) + 1 - sent;
            if (by_now < due) due = by_now;
            if (due <= 0) {
                struct timespec rest = {0, 50000};
                nanosleep(&rest, NULL);
                continue;
            }
        }
        if (due > BATCH) due = BATCH;
        for (long i = 0; i < due; i++) {
            batch[i].msg_hdr.msg_iov = &datagrams[order[(sent + i) % places]];
            batch[i].msg_hdr.msg_iovlen = 1;
        }
        int went = sendmmsg(channel, batch, due, 0);
        if (went < 0) {
            if (errno == EINTR || errno == ENOBUFS) continue;
            perror("sendmmsg");
            return 1;
        }
        sent += went;
    }
    printf("%ld %.6f\n", sent, now() - start);
    return 0;
}
