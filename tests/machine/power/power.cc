#include "tests/machine/power/power.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <set>

#include "tests/machine/power/unsynced.h"

namespace tests::machine {
namespace {

// How to read the arguments of each call that writes.
enum class Shape { WriteHere, WriteAt, WriteVector, Flush, FlushAll, ResizeFile, ResizePath, Allocate, Open, OpenAt, Make, MakeAt, Link, LinkAt, Symlink,
                   SymlinkAt, Remove, RemoveAt, Move, MoveAt, Mode, ModeAt, Map, MapFlush, Unseen };

struct Call {
  long number;
  const char* name;
  Shape shape;
};

constexpr Call calls[] = {
    {SYS_write, "write", Shape::WriteHere},           {SYS_pwrite64, "pwrite64", Shape::WriteAt},
    {SYS_writev, "writev", Shape::WriteVector},       {SYS_pwritev, "pwritev", Shape::WriteVector},
    {SYS_pwritev2, "pwritev2", Shape::WriteVector},   {SYS_fsync, "fsync", Shape::Flush},
    {SYS_fdatasync, "fdatasync", Shape::Flush},       {SYS_sync, "sync", Shape::FlushAll},
    {SYS_syncfs, "syncfs", Shape::FlushAll},          {SYS_ftruncate, "ftruncate", Shape::ResizeFile},
    {SYS_truncate, "truncate", Shape::ResizePath},    {SYS_fallocate, "fallocate", Shape::Allocate},
    {SYS_open, "open", Shape::Open},                  {SYS_openat, "openat", Shape::OpenAt},
    {SYS_mkdir, "mkdir", Shape::Make},                {SYS_mkdirat, "mkdirat", Shape::MakeAt},
    {SYS_link, "link", Shape::Link},                  {SYS_linkat, "linkat", Shape::LinkAt},
    {SYS_symlink, "symlink", Shape::Symlink},         {SYS_symlinkat, "symlinkat", Shape::SymlinkAt},
    {SYS_unlink, "unlink", Shape::Remove},            {SYS_rmdir, "rmdir", Shape::Remove},
    {SYS_unlinkat, "unlinkat", Shape::RemoveAt},      {SYS_rename, "rename", Shape::Move},
    {SYS_renameat, "renameat", Shape::MoveAt},        {SYS_renameat2, "renameat2", Shape::MoveAt},
    {SYS_chmod, "chmod", Shape::Mode},                {SYS_fchmod, "fchmod", Shape::Mode},
    {SYS_fchmodat, "fchmodat", Shape::ModeAt},        {SYS_mmap, "mmap", Shape::Map},
    {SYS_msync, "msync", Shape::MapFlush},            {SYS_copy_file_range, "copy_file_range", Shape::Unseen},
    {SYS_sendfile, "sendfile", Shape::Unseen},        {SYS_splice, "splice", Shape::Unseen},
    {SYS_io_uring_setup, "io_uring_setup", Shape::Unseen}, {SYS_io_submit, "io_submit", Shape::Unseen},
    {SYS_creat, "creat", Shape::Unseen},              {SYS_openat2, "openat2", Shape::Unseen},
};

constexpr std::uint64_t rename_whiteout_or_exchange = 6;

// Only the calls above stop; of open only those that make or empty a file, of mmap only those that share what is written.
bool stop_at_writes() {
  std::vector<sock_filter> code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const auto argument = [](std::size_t index) { return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * index); };
  const auto flagged = [&](long number, std::size_t index, std::uint32_t flags) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 4));
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(index)));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  };
  for (const Call& call : calls) {
    if (call.shape == Shape::Open) flagged(call.number, 1, O_CREAT | O_TRUNC);
    else if (call.shape == Shape::OpenAt) flagged(call.number, 2, O_CREAT | O_TRUNC);
    else if (call.shape == Shape::Map) flagged(call.number, 3, MAP_SHARED);
    else {
      code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call.number), 0, 1));
      code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    }
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

std::string link_of(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

std::string open_path(pid_t process, std::uint64_t descriptor) {
  return "/proc/" + std::to_string(process) + "/fd/" + std::to_string(static_cast<int>(descriptor));
}

struct DescriptorState {
  std::uint64_t position = 0;
  unsigned flags = 0;
};
DescriptorState state_of(pid_t process, std::uint64_t descriptor) {
  char text[256] = {};
  const int file = ::open(("/proc/" + std::to_string(process) + "/fdinfo/" + std::to_string(static_cast<int>(descriptor))).c_str(), O_RDONLY);
  if (file < 0) return {};
  const ssize_t got = ::read(file, text, sizeof text - 1);
  ::close(file);
  unsigned long long position = 0;
  DescriptorState state;
  if (got > 0 && std::sscanf(text, "pos: %llu flags: %o", &position, &state.flags) >= 1) state.position = position;
  return state;
}

std::string text_at(pid_t process, std::uint64_t address) {
  std::string text;
  char bytes[256];
  while (text.size() < PATH_MAX) {
    // Never across a page: the next one may not be there.
    const std::size_t want = std::min<std::size_t>(sizeof bytes, 4096 - (address + text.size()) % 4096);
    iovec here{bytes, want};
    iovec there{reinterpret_cast<void*>(address + text.size()), want};
    const ssize_t got = ::process_vm_readv(process, &here, 1, &there, 1, 0);
    if (got <= 0) return text;
    for (ssize_t i = 0; i < got; ++i) {
      if (bytes[i] == '\0') return text;
      text += bytes[i];
    }
  }
  return text;
}

std::uint64_t length_of_vector(pid_t process, std::uint64_t address, std::uint64_t count) {
  std::uint64_t length = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    iovec one{};
    iovec here{&one, sizeof one};
    iovec there{reinterpret_cast<void*>(address + i * sizeof one), sizeof one};
    if (::process_vm_readv(process, &here, 1, &there, 1, 0) != static_cast<ssize_t>(sizeof one)) break;
    length += one.iov_len;
  }
  return length;
}

// The path with its folder's links resolved; the last name stays as it is.
std::string placed(const std::string& folder, const std::string& path) {
  const std::string whole = path.starts_with('/') ? path : folder + "/" + path;
  const std::size_t end = whole.find_last_not_of('/');
  const std::size_t slash = end == std::string::npos ? std::string::npos : whole.rfind('/', end);
  if (slash == std::string::npos) return whole;
  char resolved[PATH_MAX];
  if (::realpath(whole.substr(0, slash == 0 ? 1 : slash).c_str(), resolved) == nullptr) return {};
  return std::string(resolved) + whole.substr(slash, end - slash + 1);
}

class Power {
 public:
  explicit Power(const PowerCut& cut) : cut_(cut), names_(cut.folder + ".lost"), random_(cut.seed) {}

  PowerReport watch(pid_t first) {
    int status = 0;
    if (::waitpid(first, &status, 0) != first || !WIFSTOPPED(status)) return report_;
    const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    if (::ptrace(PTRACE_SETOPTIONS, first, nullptr, options) != 0) return report_;
    report_.traced = true;
    processes_.insert(first);
    (void)::ptrace(PTRACE_CONT, first, nullptr, nullptr);
    while (!processes_.empty()) {
      const pid_t process = ::waitpid(-1, &status, __WALL);
      if (process < 0) break;
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        processes_.erase(process);
        if (process == first && WIFEXITED(status)) report_.exit_status = WEXITSTATUS(status);
        continue;
      }
      processes_.insert(process);
      stopped(process, status);
    }
    if (cut_.at != 0) lose();
    return report_;
  }

 private:
  void stopped(pid_t process, int status) {
    int signal = WSTOPSIG(status);
    if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8))) at_call(process);
    if (signal == SIGTRAP || signal == SIGSTOP) signal = 0;
    if (report_.cut) {
      for (const pid_t each : processes_) ::kill(each, SIGKILL);
      return;
    }
    (void)::ptrace(PTRACE_CONT, process, nullptr, reinterpret_cast<void*>(static_cast<std::intptr_t>(signal)));
  }

  [[nodiscard]] bool ours(const std::string& path) const {
    return path.starts_with(cut_.folder) && (path.size() == cut_.folder.size() || path[cut_.folder.size()] == '/');
  }

  // False: the power is off, and the call is not made.
  bool draw(const char* name, const std::string& path) {
    report_.calls.push_back(std::string(name) + " " + path.substr(std::min(path.size(), cut_.folder.size() + 1)));
    report_.cut = report_.calls.size() == cut_.at;
    return !report_.cut;
  }

  UnsyncedFile* file_at(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
    const auto key = std::pair(status.st_dev, status.st_ino);
    const auto known = files_.find(key);
    if (known != files_.end()) return known->second.get();
    auto file = UnsyncedFile::open(path);
    return file == nullptr ? nullptr : files_.emplace(key, std::move(file)).first->second.get();
  }

  std::string path_at(pid_t process, std::uint64_t directory, std::uint64_t address) {
    const std::string folder = static_cast<int>(directory) == AT_FDCWD ? link_of("/proc/" + std::to_string(process) + "/cwd")
                                                                       : link_of(open_path(process, directory));
    return placed(folder, text_at(process, address));
  }

  void at_call(pid_t process) {
    __ptrace_syscall_info info{};
    if (report_.cut || ::ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_SECCOMP) return;
    const auto number = static_cast<long>(info.seccomp.nr);
    for (const Call& call : calls)
      if (call.number == number) {
        if (call.shape <= Shape::Allocate) on_contents(process, call, info.seccomp.args);
        else on_names(process, call, info.seccomp.args);
        return;
      }
  }

  void on_contents(pid_t process, const Call& call, const std::uint64_t* args) {
    if (call.shape == Shape::FlushAll) {
      if (!draw(call.name, cut_.folder)) return;
      for (auto& [key, file] : files_) file->synced();
      names_.lose_after(names_.count());
      return;
    }
    const bool by_path = call.shape == Shape::ResizePath;
    const std::string opened = by_path ? path_at(process, static_cast<std::uint64_t>(AT_FDCWD), args[0]) : open_path(process, args[0]);
    const std::string path = by_path ? opened : link_of(opened);
    if (!ours(path) || !draw(call.name, path)) return;
    if (call.shape == Shape::Flush) {
      struct stat status {};
      if (::stat(opened.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) names_.synced(path);
      else if (UnsyncedFile* file = file_at(opened)) file->synced();
      return;
    }
    UnsyncedFile* file = file_at(opened);
    if (file == nullptr) return;
    const DescriptorState state = by_path ? DescriptorState{} : state_of(process, args[0]);
    if ((state.flags & O_DSYNC) != 0) file->synced();
    const std::uint64_t here = (state.flags & O_APPEND) != 0 ? file->size() : state.position;
    switch (call.shape) {
      case Shape::WriteHere: return file->before_write(here, args[2]);
      case Shape::WriteAt: return file->before_write(args[3], args[2]);
      case Shape::WriteVector:
        return file->before_write(call.number == SYS_writev ? here : args[3], length_of_vector(process, args[1], args[2]));
      case Shape::Allocate: return on_allocate(*file, args[1], args[2], args[3]);
      default: return file->before_resize(args[1]);
    }
  }

  void on_allocate(UnsyncedFile& file, std::uint64_t mode, std::uint64_t offset, std::uint64_t length) {
    if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && offset + length > file.size()) file.before_resize(file.size());
    if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) file.before_zeros(offset, length);
    if ((mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) != 0) report_.unseen.emplace_back("fallocate that moves bytes");
  }

  void on_names(pid_t process, const Call& call, const std::uint64_t* args) {
    const auto here = static_cast<std::uint64_t>(AT_FDCWD);
    switch (call.shape) {
      case Shape::Open: return on_open(call, path_at(process, here, args[0]), args[1]);
      case Shape::OpenAt: return on_open(call, path_at(process, args[0], args[1]), args[2]);
      case Shape::Make: return on_made(call, path_at(process, here, args[0]));
      case Shape::MakeAt: return on_made(call, path_at(process, args[0], args[1]));
      case Shape::Link: return on_made(call, path_at(process, here, args[1]));
      case Shape::LinkAt: return on_made(call, path_at(process, args[2], args[3]));
      case Shape::Symlink: return on_made(call, path_at(process, here, args[1]));
      case Shape::SymlinkAt: return on_made(call, path_at(process, args[1], args[2]));
      case Shape::Remove: return on_removed(call, path_at(process, here, args[0]));
      case Shape::RemoveAt: return on_removed(call, path_at(process, args[0], args[1]));
      case Shape::Move: return on_moved(call, path_at(process, here, args[0]), path_at(process, here, args[1]));
      case Shape::MoveAt:
        if (call.number == SYS_renameat2 && (args[4] & rename_whiteout_or_exchange) != 0) report_.unseen.emplace_back("renameat2 that exchanges");
        return on_moved(call, path_at(process, args[0], args[1]), path_at(process, args[2], args[3]));
      case Shape::Mode: {
        const std::string path = call.number == SYS_fchmod ? link_of(open_path(process, args[0])) : path_at(process, here, args[0]);
        if (ours(path)) (void)draw(call.name, path);
        return;
      }
      case Shape::ModeAt: {
        const std::string path = path_at(process, args[0], args[1]);
        if (ours(path)) (void)draw(call.name, path);
        return;
      }
      default: return on_unseen(process, call, args);
    }
  }

  void on_open(const Call& call, const std::string& path, std::uint64_t flags) {
    if (!ours(path)) return;
    const bool there = ::access(path.c_str(), F_OK) == 0;
    const bool empties = there && (flags & O_TRUNC) != 0 && (flags & O_EXCL) == 0;
    const bool makes = !there && (flags & O_CREAT) != 0;
    if ((!makes && !empties) || !draw(call.name, path)) return;
    if (makes) names_.made(path);
    UnsyncedFile* file = empties ? file_at(path) : nullptr;
    if (file != nullptr) file->before_resize(0);
  }

  void on_made(const Call& call, const std::string& path) {
    if (!ours(path) || ::access(path.c_str(), F_OK) == 0 || !draw(call.name, path)) return;
    names_.made(path);
  }
  void on_removed(const Call& call, const std::string& path) {
    if (!ours(path) || ::access(path.c_str(), F_OK) != 0 || !draw(call.name, path)) return;
    names_.removed(path);
  }
  void on_moved(const Call& call, const std::string& from, const std::string& to) {
    if ((!ours(from) && !ours(to)) || ::access(from.c_str(), F_OK) != 0 || !draw(call.name, to)) return;
    names_.moved(from, to);
  }

  void on_unseen(pid_t process, const Call& call, const std::uint64_t* args) {
    if (call.shape == Shape::MapFlush) return;  // a writable shared mapping was reported when it was made
    if (call.shape == Shape::Map) {
      const std::string path = (args[2] & PROT_WRITE) != 0 ? link_of(open_path(process, args[4])) : std::string();
      if (ours(path)) report_.unseen.push_back("a shared mapping of " + path);
      return;
    }
    const std::uint64_t target = call.number == SYS_copy_file_range || call.number == SYS_splice ? args[2] : args[0];
    const bool by_descriptor = call.number == SYS_copy_file_range || call.number == SYS_splice || call.number == SYS_sendfile;
    const std::string path = by_descriptor ? link_of(open_path(process, target)) : cut_.folder;
    if (ours(path)) report_.unseen.push_back(std::string(call.name) + " " + path);
  }

  void lose() {
    if (cut_.unsynced == Unsynced::Kept) return;
    const bool all = cut_.unsynced == Unsynced::Dropped;
    names_.lose_after(all ? 0 : random_.below(names_.count() + 1));
    for (auto& [key, file] : files_) all ? file->lose_all() : file->lose_some(random_);
  }

  const PowerCut& cut_;
  UnsyncedNames names_;
  policies::vocabulary::Random random_;
  PowerReport report_;
  std::set<pid_t> processes_;
  std::map<std::pair<dev_t, ino_t>, std::unique_ptr<UnsyncedFile>> files_;
};

}  // namespace

PowerReport run_with_power(const PowerCut& cut, const std::function<int()>& run) {
  const std::string lost = cut.folder + ".lost";
  (void)std::system(("rm -rf '" + lost + "'").c_str());
  if (::mkdir(lost.c_str(), 0700) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(126);
    ::raise(SIGSTOP);
    if (!stop_at_writes()) ::_exit(125);
    ::_exit(run());
  }
  PowerReport report = Power(cut).watch(child);
  (void)std::system(("rm -rf '" + lost + "'").c_str());
  return report;
}

}  // namespace tests::machine
