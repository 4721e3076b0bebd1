/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A userfaultfd and its commands. What the kernel answers becomes a number of
 * bytes or a negative errno; a "copy" that is negative is never taken for a size.
 */
#ifndef UFFD_H
#define UFFD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/userfaultfd.h>

/* Newer than the headers that this is built with */
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON	(1 << 14)
#endif
#ifndef UFFD_FEATURE_MOVE
#define UFFD_FEATURE_MOVE	(1 << 16)
#endif

/* What a client asks for; what the kernel lacks is left out. */
#define UFFD_WANTED \
	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | \
	 UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP | \
	 UFFD_FEATURE_MISSING_HUGETLBFS | UFFD_FEATURE_MISSING_SHMEM | \
	 UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_POISON | \
	 UFFD_FEATURE_MOVE)

/**
 * struct uffd - an open userfaultfd
 * @fd: the descriptor
 * @features: those of its handshake
 * @user_only: it sees faults of user mode only: a system call that touches
 *	missing memory fails with EFAULT
 */
struct uffd {
	int fd;
	uint64_t features;
	bool user_only;
};

/**
 * uffd_open - make a userfaultfd and agree on features
 * @wanted: UFFD_FEATURE_*; left out is what this kernel or user can't have
 * @uffd: filled in
 *
 * Tries the system call, then /dev/userfaultfd, then user mode only.
 *
 * Return: 0 or a negative errno.
 */
int uffd_open(uint64_t wanted, struct uffd *uffd);

/**
 * uffd_features - what this kernel offers to this user
 *
 * Return: UFFD_FEATURE_*, 0 also if there is no userfaultfd.
 */
uint64_t uffd_features(void);

/**
 * uffd_is_one - whether a descriptor is a userfaultfd
 * @fd: any descriptor
 *
 * Return: whether it is.
 */
bool uffd_is_one(int fd);

/**
 * uffd_register - have missing pages of a range reported
 * @fd: the userfaultfd, of the caller's own memory
 * @start: first address
 * @len: bytes
 *
 * Return: 0 or a negative errno.
 */
int uffd_register(int fd, uint64_t start, uint64_t len);

/**
 * uffd_register_shared - the same for shared memory that others fill, too
 * @fd: the userfaultfd, of the caller's own memory
 * @start: first address
 * @len: bytes
 *
 * Pages that are in the file, but not in this page table, are reported as well.
 *
 * Return: 0 or a negative errno.
 */
int uffd_register_shared(int fd, uint64_t start, uint64_t len);

/**
 * uffd_unregister - have nothing reported any more, and wake who waits
 * @fd: the userfaultfd
 * @start: first address
 * @len: bytes
 *
 * Return: 0 or a negative errno.
 */
int uffd_unregister(int fd, uint64_t start, uint64_t len);

/**
 * uffd_copy - fill missing pages with data
 * @fd: the userfaultfd
 * @to: address in its memory
 * @from: data in ours
 * @len: bytes
 * @wake: wake the threads that wait there
 *
 * Return: bytes filled, which may be less than @len, or a negative errno that
 * is about the first page: EEXIST it is there, EAGAIN an event must be read
 * first, ENOENT it is not registered, ESRCH the process is no more.
 */
long uffd_copy(int fd, uint64_t to, const void *from, uint64_t len, bool wake);

/**
 * uffd_move - fill missing pages by taking pages from elsewhere in this process
 * @fd: the userfaultfd; of the caller's own memory
 * @to: address of what is missing
 * @from: pages, private and anonymous and nobody else's; they are gone then
 * @len: bytes
 * @wake: wake the threads that wait there
 *
 * Return: as uffd_copy(), and EINVAL or ENOTTY if the kernel can't, EBUSY if a
 * page is somebody else's, too.
 */
long uffd_move(int fd, uint64_t to, void *from, uint64_t len, bool wake);

/**
 * uffd_continue - let missing pages of shared memory be those in the file
 * @fd: the userfaultfd, registered by uffd_register_shared()
 * @to: address in its memory
 * @len: bytes
 * @wake: wake the threads that wait there
 *
 * Return: as uffd_copy(), and EFAULT if the file has no page there.
 */
long uffd_continue(int fd, uint64_t to, uint64_t len, bool wake);

/**
 * uffd_zero - fill missing pages with zeros
 * @fd: the userfaultfd
 * @to: address in its memory
 * @len: bytes
 * @wake: wake the threads that wait there
 *
 * Return: as uffd_copy(), and EINVAL for memory that can't (hugetlb).
 */
long uffd_zero(int fd, uint64_t to, uint64_t len, bool wake);

/**
 * uffd_poison - let who touches pages get SIGBUS
 * @fd: the userfaultfd
 * @to: address in its memory
 * @len: bytes
 *
 * Return: as uffd_copy(); EINVAL or ENOTTY if the kernel can't.
 */
long uffd_poison(int fd, uint64_t to, uint64_t len);

/**
 * uffd_wake - let threads that wait look again
 * @fd: the userfaultfd
 * @start: first address
 * @len: bytes
 *
 * Return: 0 or a negative errno.
 */
int uffd_wake(int fd, uint64_t start, uint64_t len);

/**
 * uffd_wake_all - let all threads that wait, wherever, look again
 * @fd: the userfaultfd
 */
void uffd_wake_all(int fd);

/**
 * uffd_is_alive - whether the memory behind it still exists
 * @fd: the userfaultfd
 *
 * poll() says nothing when the process has ended.
 *
 * Return: false if it is gone.
 */
bool uffd_is_alive(int fd);

#endif /* UFFD_H */
