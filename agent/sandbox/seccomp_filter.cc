#include "agent/sandbox/seccomp_filter.h"

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace agent::sandbox {
namespace {

constexpr std::array refused_calls = {
    // network: socketpair stays, for processes of one task among themselves
    "socket", "connect", "bind", "listen", "accept", "accept4",
    // namespaces, mounts, roots
    "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick",
    "open_tree", "move_mount", "mount_setattr", "name_to_handle_at", "open_by_handle_at",
    // other processes, tracing, programs in the kernel
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "bpf",
    "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "lookup_dcookie",
    "fanotify_init",
    // keys of the kernel
    "add_key", "request_key", "keyctl",
    // the machine itself
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff",
    "acct", "syslog", "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
    "sethostname", "setdomainname", "iopl", "ioperm", "vhangup", "uselib", "modify_ldt", "personality", "move_pages",
    "migrate_pages", "mbind", "set_mempolicy", "memfd_secret"};

constexpr std::array refused_clone_flags = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                            CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};

Error failure(const char* what, int code) {
  return Error{ErrorCode::Unsupported,
               std::string(what) + " failed with code " + std::to_string(code),
               {"making the system call filter"}};
}

int refuse(scmp_filter_ctx filter, const char* call) {
  const int number = seccomp_syscall_resolve_name(call);
  if (number == __NR_SCMP_ERROR)
    return 0;  // unknown to this library: the kernel of this release may not have it either
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
}

}  // namespace

Result<int> seccomp_filter_file(NewProcesses processes) {
  const std::unique_ptr<void, ReleaseFilter> filter(seccomp_init(SCMP_ACT_ALLOW));
  if (!filter) return failure("seccomp_init", 0);
  int code = 0;
  for (const char* call : refused_calls) {
    if (code == 0) code = refuse(filter.get(), call);
  }
  for (const std::uint64_t flag : refused_clone_flags) {
    if (code == 0)
      code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
  }
  // A filter cannot look into clone3's arguments; told that there is none, C libraries fall back to clone.
  if (code == 0) code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  // Typing into the terminal of whoever started us.
  if (code == 0)
    code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                            SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFFU, TIOCSTI));
  if (processes == NewProcesses::Refused) {
    for (const char* call : {"fork", "vfork"}) {
      if (code == 0) code = refuse(filter.get(), call);
    }
    if (code == 0)
      code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, 0));
  }
  if (code != 0) return failure("seccomp_rule_add", code);

  const int file = memfd_create("leaseback-seccomp", MFD_CLOEXEC);
  if (file < 0) return failure("memfd_create", errno);
  code = seccomp_export_bpf(filter.get(), file);
  if (code != 0 || lseek(file, 0, SEEK_SET) != 0) {
    close(file);
    return failure("seccomp_export_bpf", code);
  }
  return file;
}

}  // namespace agent::sandbox
