#include "tests/machine/disk/power_cut.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>

#include "policies/vocabulary/random.h"

namespace tests::machine {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint64_t remembered_max = 64 << 20;

std::string link_of(pid_t process, std::uint64_t descriptor) {
  char target[4096];
  const std::string path = "/proc/" + std::to_string(process) + "/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

std::uint64_t position_of(pid_t process, std::uint64_t descriptor) {
  char text[256] = {};
  const int file = ::open(("/proc/" + std::to_string(process) + "/fdinfo/" + std::to_string(descriptor)).c_str(), O_RDONLY);
  if (file < 0) return 0;
  const ssize_t got = ::read(file, text, sizeof text - 1);
  ::close(file);
  unsigned long long position = 0;
  return got > 0 && std::sscanf(text, "pos: %llu", &position) == 1 ? position : 0;
}

class Tracer {
 public:
  Tracer(std::string disk, std::uint64_t limit, Unflushed unflushed, std::uint64_t seed)
      : disk_(std::move(disk)), limit_(limit), unflushed_(unflushed), random_(seed) {}

  CutReport watch(pid_t first) {
    int status = 0;
    if (::waitpid(first, &status, 0) != first || !WIFSTOPPED(status)) return report_;
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    if (::ptrace(PTRACE_SETOPTIONS, first, nullptr, options) != 0) return report_;
    report_.traced = true;
    processes_.insert(first);
    (void)::ptrace(PTRACE_SYSCALL, first, nullptr, nullptr);
    while (!processes_.empty()) {
      const pid_t process = ::waitpid(-1, &status, __WALL);
      if (process < 0) break;
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        processes_.erase(process);
        if (process == first && WIFEXITED(status)) report_.exit_status = WEXITSTATUS(status);
        continue;
      }
      processes_.insert(process);
      stopped(process, WSTOPSIG(status));
    }
    if (report_.cut && unflushed_ == Unflushed::LostByChance) lose_unflushed();
    return report_;
  }

 private:
  void stopped(pid_t process, int signal) {
    if (signal == (SIGTRAP | 0x80)) {
      at_system_call(process);
      signal = 0;
    } else if (signal == SIGTRAP || signal == SIGSTOP) {
      signal = 0;
    }
    if (report_.cut) {
      for (const pid_t each : processes_) ::kill(each, SIGKILL);
      return;
    }
    (void)::ptrace(PTRACE_SYSCALL, process, nullptr, reinterpret_cast<void*>(static_cast<std::intptr_t>(signal)));
  }

  void at_system_call(pid_t process) {
    __ptrace_syscall_info call{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof call, &call) <= 0) return;
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY || report_.cut) return;
    const auto number = static_cast<long>(call.entry.nr);
    const bool flush = number == SYS_fsync || number == SYS_fdatasync;
    const bool write = number == SYS_pwrite64 || number == SYS_write || number == SYS_fallocate;
    if ((!flush && !write) || link_of(process, call.entry.args[0]) != disk_) return;
    if (flush) {
      before_.clear();
      return;
    }
    if (++report_.writes == limit_) {
      report_.cut = true;
      return;
    }
    if (number == SYS_fallocate) remember(call.entry.args[2], call.entry.args[3]);
    if (number == SYS_pwrite64) remember(call.entry.args[3], call.entry.args[2]);
    if (number == SYS_write) remember(position_of(process, call.entry.args[0]), call.entry.args[2]);
  }

  // What the sectors held before they were first written since the last flush.
  void remember(std::uint64_t offset, std::uint64_t length) {
    if (unflushed_ == Unflushed::Kept || length > remembered_max) return;
    const int file = ::open(disk_.c_str(), O_RDONLY | O_CLOEXEC);
    std::string old(sector, '\0');
    for (std::uint64_t at = offset / sector * sector; at < offset + length; at += sector) {
      if (before_.contains(at)) continue;
      if (::pread(file, old.data(), sector, static_cast<off_t>(at)) == static_cast<ssize_t>(sector)) before_.emplace(at, old);
    }
    ::close(file);
  }

  void lose_unflushed() {
    const int file = ::open(disk_.c_str(), O_WRONLY | O_CLOEXEC);
    // Half of the time whole runs of sectors go, as whole writes do; else each for itself.
    const bool runs = random_.chance(0.5);
    bool lost = random_.chance(0.5);
    std::uint64_t last = 0;
    for (const auto& [at, old] : before_) {
      if (!runs || at != last + sector) lost = random_.chance(0.5);
      last = at;
      if (lost) (void)!::pwrite(file, old.data(), old.size(), static_cast<off_t>(at));
    }
    ::close(file);
  }

  std::string disk_;
  std::uint64_t limit_;
  Unflushed unflushed_;
  policies::vocabulary::Random random_;
  CutReport report_;
  std::set<pid_t> processes_;
  std::map<std::uint64_t, std::string> before_;
};

}  // namespace

CutReport run_until_write(const std::string& disk, std::uint64_t write_number, Unflushed unflushed, std::uint64_t seed,
                          const std::function<int()>& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(126);
    ::raise(SIGSTOP);
    ::_exit(run());
  }
  return Tracer(disk, write_number, unflushed, seed).watch(child);
}

}  // namespace tests::machine
