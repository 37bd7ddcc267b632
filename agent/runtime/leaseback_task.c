#define _POSIX_C_SOURCE 200809L
#include "agent/runtime/leaseback_task.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LEASEBACK_TASK_ROOT
#define LEASEBACK_TASK_ROOT "/task"
#endif

#define HEAD_SIZE 32
static const char magic[8] = "LBCKPT1";
static const char *const slots[2] = {LEASEBACK_TASK_ROOT "/checkpoint.0", LEASEBACK_TASK_ROOT "/checkpoint.1"};

/* The bytes of an open file in a new block with a zero byte behind them. */
static char *read_all(int file, size_t *size) {
  struct stat facts;
  if (fstat(file, &facts) != 0) return NULL;
  size_t capacity = (size_t)facts.st_size;
  char *bytes = malloc(capacity + 1);
  if (bytes == NULL) return NULL;
  size_t count = 0;
  while (count < capacity) {
    ssize_t got = read(file, bytes + count, capacity - count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      free(bytes);
      return NULL;
    }
    if (got == 0) break;
    count += (size_t)got;
  }
  bytes[count] = 0;
  *size = count;
  return bytes;
}

static char *read_path(const char *path, size_t *size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return NULL;
  char *bytes = read_all(file, size);
  int kept = errno;
  close(file);
  errno = kept;
  return bytes;
}

/* Writing over the file-size limit raises a signal that would end the task before it could save anything. */
static void hear_of_file_size_as_error(void) { signal(SIGXFSZ, SIG_IGN); }

static int write_all(int file, const void *bytes, size_t count) {
  const char *at = bytes;
  while (count > 0) {
    ssize_t put = write(file, at, count);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    at += put;
    count -= (size_t)put;
  }
  return 0;
}

static int write_path(const char *path, int flags, const void *bytes, size_t count) {
  hear_of_file_size_as_error();
  int file = open(path, O_WRONLY | O_CLOEXEC | flags);
  if (file < 0) return -1;
  int outcome = write_all(file, bytes, count);
  int kept = errno;
  if (close(file) != 0 && outcome == 0) return -1;
  errno = kept;
  return outcome;
}

const char *leaseback_parameters(size_t *size) {
  static char *parameters;
  static size_t parameters_size;
  if (parameters == NULL) parameters = read_path(LEASEBACK_TASK_ROOT "/parameters.json", &parameters_size);
  if (parameters != NULL && size != NULL) *size = parameters_size;
  return parameters;
}

const char *leaseback_element_path(const char *name) {
  static char path[1024];
  static const char folder[] = LEASEBACK_TASK_ROOT "/elements/";
  size_t length = strlen(name);
  if (length == 0 || strchr(name, '/') != NULL) {
    errno = ENOENT;
    return NULL;
  }
  if (sizeof folder + length > sizeof path) {
    errno = ENAMETOOLONG;
    return NULL;
  }
  memcpy(path, folder, sizeof folder - 1);
  memcpy(path + sizeof folder - 1, name, length + 1);
  return access(path, R_OK) == 0 ? path : NULL;
}

int leaseback_write_result(const void *bytes, size_t count) {
  return write_path(LEASEBACK_TASK_ROOT "/result", O_TRUNC, bytes, count);
}

int leaseback_append_result(const void *bytes, size_t count) {
  return write_path(LEASEBACK_TASK_ROOT "/result", O_APPEND, bytes, count);
}

static uint32_t crc32_of(uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *at = bytes;
  crc = ~crc;
  for (size_t i = 0; i < count; ++i) {
    crc ^= at[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

static void put_number(unsigned char *at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t number_at(const unsigned char *at, int bytes) {
  uint64_t value = 0;
  for (int i = bytes; i-- > 0;) value = (value << 8) | at[i];
  return value;
}

/* The sequence of a slot whose checksum holds, else 0; then `whole`, when wanted, is the slot's content for the caller to free. */
static uint64_t valid_sequence(const char *path, char **whole, size_t *length) {
  size_t size = 0;
  char *bytes = read_path(path, &size);
  uint64_t sequence = 0;
  if (bytes != NULL && size >= HEAD_SIZE && memcmp(bytes, magic, sizeof magic) == 0) {
    const unsigned char *head = (const unsigned char *)bytes;
    uint64_t count = number_at(head + 16, 8);
    if (count <= size - HEAD_SIZE) {
      uint32_t crc = crc32_of(crc32_of(0, head + 8, 16), bytes + HEAD_SIZE, (size_t)count);
      if (crc == (uint32_t)number_at(head + 24, 4)) {
        sequence = number_at(head + 8, 8);
        if (length != NULL) *length = (size_t)count;
      }
    }
  }
  if (sequence != 0 && whole != NULL) {
    *whole = bytes;
  } else {
    free(bytes);
  }
  return sequence;
}

int leaseback_write_checkpoint(const void *bytes, size_t count) {
  uint64_t first = valid_sequence(slots[0], NULL, NULL);
  uint64_t second = valid_sequence(slots[1], NULL, NULL);
  const char *path = slots[first > second ? 1 : 0];
  uint64_t sequence = (first > second ? first : second) + 1;

  unsigned char head[HEAD_SIZE] = {0};
  memcpy(head, magic, sizeof magic);
  put_number(head + 8, sequence, 8);
  put_number(head + 16, count, 8);
  put_number(head + 24, crc32_of(crc32_of(0, head + 8, 16), bytes, count), 4);

  hear_of_file_size_as_error();
  int file = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
  if (file < 0) return -1;
  int outcome = -1;
  if (lseek(file, HEAD_SIZE, SEEK_SET) == HEAD_SIZE && write_all(file, bytes, count) == 0 &&
      lseek(file, 0, SEEK_SET) == 0 && write_all(file, head, HEAD_SIZE) == 0 && fsync(file) == 0) {
    outcome = 0;
  }
  int kept = errno;
  close(file);
  errno = kept;
  return outcome;
}

void *leaseback_read_checkpoint(size_t *count) {
  char *whole[2] = {NULL, NULL};
  size_t length[2] = {0, 0};
  uint64_t first = valid_sequence(slots[0], &whole[0], &length[0]);
  uint64_t second = valid_sequence(slots[1], &whole[1], &length[1]);
  int newest = second > first ? 1 : 0;
  free(whole[1 - newest]);
  if (first == 0 && second == 0) {
    errno = ENOENT;
    return NULL;
  }
  memmove(whole[newest], whole[newest] + HEAD_SIZE, length[newest]);
  *count = length[newest];
  return whole[newest];
}

static char control_byte(void) {
  char byte = 'r';
  int file = open(LEASEBACK_TASK_ROOT "/control", O_RDONLY | O_CLOEXEC);
  if (file < 0) return byte;
  if (read(file, &byte, 1) != 1) byte = 'r';
  close(file);
  return byte;
}

int leaseback_checkpoint_asked(void) {
  char byte = control_byte();
  return byte == 'c' || byte == 's';
}

int leaseback_stop_asked(void) { return control_byte() == 's'; }
