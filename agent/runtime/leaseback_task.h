/* What a task sees of the machine that runs it: a few files under /task, and this small C interface over them. The interface
 * needs only the C library, so it fits a static executable. RUNTIME.md is the contract; another language may follow it without
 * this header.
 *
 *   int main(void) {
 *     size_t size = 0;
 *     const char *parameters = leaseback_parameters(&size);
 *     ... compute, now and then: if (leaseback_stop_asked()) { save a checkpoint; return 0; } ...
 *     return leaseback_write_result(bytes, count) == 0 ? 0 : 1;
 *   }
 *
 * Functions that return int give 0 when done and -1 with errno set when not. Not safe for use by two threads at once.
 */
#ifndef LEASEBACK_TASK_H
#define LEASEBACK_TASK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The task's parameters: JSON text, ended by a zero byte that `size` does not count. NULL with errno set when they cannot be
 * read. The text stays valid until the process ends. `size` may be NULL. */
const char *leaseback_parameters(size_t *size);

/* The path of one of the task's data elements, to be opened for reading. NULL with errno ENAMETOOLONG or ENOENT when the job
 * has no element of this name. Valid until the next call. */
const char *leaseback_element_path(const char *name);

/* Replaces the result by `count` bytes. May be called again; the last result counts when the process ends with status 0. A result
 * larger than the job allows makes the task fail when it ends. */
int leaseback_write_result(const void *bytes, size_t count);
/* Adds to the result written so far. */
int leaseback_append_result(const void *bytes, size_t count);

/* Saves the state from which a later start of this task, perhaps on another machine, may go on. A power cut during the call
 * leaves the checkpoint before it. EFBIG when it is larger than the machine keeps. */
int leaseback_write_checkpoint(const void *bytes, size_t count);
/* The last whole checkpoint: a new block of memory for the caller to free, its size in `count`. NULL with errno ENOENT when
 * there is none yet. */
void *leaseback_read_checkpoint(size_t *count);

/* 1 when the environment wants a checkpoint now. Answered by leaseback_write_checkpoint. Costs one small read. */
int leaseback_checkpoint_asked(void);
/* 1 when the task must end soon: save a checkpoint and return. What has not ended after the grace (10 s) is killed. */
int leaseback_stop_asked(void);

#ifdef __cplusplus
}
#endif
#endif
