/* One attack per word on the command line. Its result tells how far it came. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/runtime/leaseback_task.h"

static void say(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  leaseback_append_result(line, (size_t)length);
}

static void try_network(void) {
  for (int family = 1; family < 45; ++family) {
    int descriptor = socket(family, SOCK_STREAM, 0);
    int datagram = socket(family, SOCK_DGRAM, 0);
    if (descriptor >= 0 || datagram >= 0) say("socket %d\n", family);
  }
}

static void list(const char *folder) {
  DIR *entries = opendir(folder);
  if (entries == NULL) return;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
    if (entry->d_name[0] != '.') say("%s/%s\n", folder, entry->d_name);
  closedir(entries);
}

static void fill(const char *folder) {
  static char block[1 << 20];
  memset(block, 'x', sizeof block);
  char path[256];
  long written = 0;
  for (int i = 0; i < 64; ++i) {
    snprintf(path, sizeof path, "%s/fill-%d", folder, i);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    if (file < 0) break;
    for (int part = 0; part < 4; ++part) {
      ssize_t put = write(file, block, sizeof block);
      if (put > 0) written += put;
    }
    close(file);
  }
  say("%ld", written);
}

static void grow(void) {
  for (long taken = 0;; taken += 16) {
    char *block = malloc(16 << 20);
    if (block == NULL) {
      say("refused at %ld MiB", taken);
      exit(0);
    }
    memset(block, 1, 16 << 20);
    if (taken > 4096) exit(0);
  }
}

static void multiply(void) {
  int made = 0;
  for (; made < 1000; ++made) {
    pid_t process = fork();
    if (process < 0) break;
    if (process == 0) {
      for (;;) pause();
    }
  }
  say("%d", made);
}

static void try_privileges(void) {
  if (unshare(CLONE_NEWUSER) == 0) say("user namespace\n");
  if (unshare(CLONE_NEWNET) == 0) say("network namespace\n");
  if (mount("none", "/task/scratch", "tmpfs", 0, NULL) == 0) say("mount\n");
  if (chroot("/task") == 0) say("chroot\n");
  if (setuid(0) == 0) say("root\n");
  if (mkdir("/task/new", 0700) == 0) say("write in /task\n");
  if (mkdir("/new", 0700) == 0) say("write in /\n");
  if (mkdir("/dev/new", 0700) == 0) say("write in /dev\n");
  if (open("/task/parameters.json", O_WRONLY) >= 0) say("write parameters\n");
  if (open("/task/control", O_WRONLY) >= 0) say("write control\n");
  if (open("/task/elements/attacker", O_WRONLY) >= 0) say("write element\n");
  for (int descriptor = 3; descriptor < 64; ++descriptor)
    if (fcntl(descriptor, F_GETFD) >= 0) say("descriptor %d\n", descriptor);
}

static void write_much(void) {
  static char block[1 << 16];
  for (int i = 0; i < 64; ++i) leaseback_append_result(block, sizeof block);
}

static void count_on(void) {
  size_t size = 0;
  char *before = leaseback_read_checkpoint(&size);
  long counted = before == NULL ? 0 : strtol(before, NULL, 10);
  char text[32];
  for (;;) {
    ++counted;
    snprintf(text, sizeof text, "%ld", counted);
    if (leaseback_checkpoint_asked()) leaseback_write_checkpoint(text, strlen(text) + 1);
    if (leaseback_stop_asked()) exit(75);
    if (before != NULL) {
      say("went on from %s", before);
      exit(0);
    }
    usleep(1000);
  }
}

int main(int count, char **words) {
  const char *attack = count > 1 ? words[1] : "";
  if (strcmp(attack, "hello") == 0) say("hello %s", leaseback_parameters(NULL));
  if (strcmp(attack, "network") == 0) try_network();
  if (strcmp(attack, "look") == 0) {
    list("");
    list("/");
    list("/task");
    list("/proc/self/fd");
    list("/home");
    list("/etc");
  }
  if (strcmp(attack, "fill") == 0) fill(words[2]);
  if (strcmp(attack, "grow") == 0) grow();
  if (strcmp(attack, "multiply") == 0) multiply();
  if (strcmp(attack, "privileges") == 0) try_privileges();
  if (strcmp(attack, "much") == 0) write_much();
  if (strcmp(attack, "spin") == 0)
    for (;;) {
    }
  if (strcmp(attack, "linger") == 0) {
    if (fork() == 0)
      for (;;) pause();
    say("left one behind");
  }
  if (strcmp(attack, "deaf") == 0)
    for (;;) pause();
  if (strcmp(attack, "count") == 0) count_on();
  if (strcmp(attack, "fail") == 0) {
    fprintf(stderr, "it went wrong\n");
    return 3;
  }
  return 0;
}
