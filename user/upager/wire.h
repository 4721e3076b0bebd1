/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What clients and pager say to each other, over a UNIX socket that keeps
 * records apart (SOCK_SEQPACKET). Each request is answered with its type and
 * with 0 or a negative errno in @a.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC	0x70677232u	/* changes with the meaning of anything here */

/**
 * enum wire_type - requests
 * @WIRE_HELLO: here is my userfaultfd (SCM_RIGHTS), its features are in @a, in
 *	@b WIRE_HELLO_*; the answer means that the pager has it
 * @WIRE_REGION: @a to @b is mine, flags REGION_* in @c, bytes of a page in @d;
 *	comes before the range is registered. With a descriptor (SCM_RIGHTS): it is
 *	shared memory, that file from @e on; 1 in @b of the answer: it will be filled
 *	there, so faults on what is in the file must be reported, too
 * @WIRE_DETACH: fill all that is missing, let me go on alone; answered when done
 * @WIRE_STAT: the answer is followed by a record with JSON, @b bytes
 * @WIRE_LIMIT: have @a bytes in memory at most
 * @WIRE_RELEASE: fill all that is missing in all clients, and let them go on
 *	alone; answered when it has begun
 * @WIRE_LOCK: what I have between @a and @b is to stay in memory (@c is 1), or need not
 *	any more (0); -EAGAIN: some of it is just on its way out, ask again
 * @WIRE_STORE: put pages into the store that the text behind the record names, and
 *	move there what is elsewhere; answered when it has begun, with its number in @b
 * @WIRE_LOOK_UP: where is the region of the name in @b to @e (32 bytes) in the
 *	snapshot? My pointers have @a bytes. The answer has its address in @b, its
 *	bytes in @c
 * @WIRE_NAME: the region that I declare next, at @a, has the name in @b to @e; if
 *	the snapshot has one of that name, it is filled from there
 * @WIRE_BEGIN: the named region at @a is registered, so what will be wanted may come
 * @WIRE_MASK: which of @c pages (64 at most) from @a on of process @b are not just
 *	zeros? The answer has a bit for each in @b
 */
enum wire_type {
	WIRE_HELLO = 1,
	WIRE_REGION,
	WIRE_DETACH,
	WIRE_STAT,
	WIRE_LIMIT,
	WIRE_RELEASE,
	WIRE_STORE,
	WIRE_LOCK,
	WIRE_LOOK_UP = 32,
	WIRE_NAME,
	WIRE_BEGIN,
	WIRE_MASK,
};

#define WIRE_HELLO_USER_ONLY	(1u << 0)

/* Room for the text that a request may have behind it, with the 0 that ends it */
#define WIRE_TEXT	4096

/**
 * struct wire - a record
 * @magic: WIRE_MAGIC
 * @type: enum wire_type
 * @a: see there, and the following
 * @b: see there
 * @c: see there
 * @d: see there
 * @e: see there
 */
struct wire {
	uint32_t magic;
	uint32_t type;
	uint64_t a;
	uint64_t b;
	uint64_t c;
	uint64_t d;
	uint64_t e;
};

/* A name is in @b to @e, filled up with NULs. */
#define WIRE_NAME_AT	offsetof(struct wire, b)
#define WIRE_NAME_LEN	(sizeof(struct wire) - WIRE_NAME_AT)

/**
 * wire_listen - make a socket for others to connect to
 * @path: where; what was there is replaced
 *
 * Return: the descriptor, or a negative errno.
 */
int wire_listen(const char *path);

/**
 * wire_connect - connect to a pager
 * @path: of its socket
 *
 * Return: the descriptor, or a negative errno.
 */
int wire_connect(const char *path);

/**
 * wire_send - send a record
 * @sock: the socket
 * @wire: the record
 * @fd: descriptor to go with it, or -1
 *
 * Return: 0 or a negative errno.
 */
int wire_send(int sock, const struct wire *wire, int fd);

/**
 * wire_send_text - send a record with a text behind it
 * @sock: the socket
 * @wire: the record
 * @text: shorter than WIRE_TEXT
 *
 * Return: 0 or a negative errno.
 */
int wire_send_text(int sock, const struct wire *wire, const char *text);

/**
 * wire_receive - take a record
 * @sock: the socket
 * @wire: filled in
 * @fd: gets the descriptor that came with it, else -1; NULL: none is wanted.
 *	More than one, and those not wanted, are closed
 *
 * Return: 1, 0 at the other end's end, -EPROTO for what is no such record,
 * or another negative errno.
 */
int wire_receive(int sock, struct wire *wire, int *fd);

/**
 * wire_receive_text - take a record that may have a text behind it
 * @sock: the socket
 * @wire: filled in
 * @fd: as for wire_receive()
 * @text: WIRE_TEXT bytes; gets the text, "" if there is none. NULL: there must be none
 *
 * Return: as wire_receive(); -EPROTO also if the text has a 0 in it.
 */
int wire_receive_text(int sock, struct wire *wire, int *fd, char *text);

#endif /* WIRE_H */
