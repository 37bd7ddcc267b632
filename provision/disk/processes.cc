#include "provision/disk/processes.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

namespace provision::disk {
namespace {

constexpr std::size_t text_max = 65536;
constexpr const char* program_folders[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

Error failure(std::string_view act, int number) {
  return {number == ENOENT ? ErrorCode::NotFound : ErrorCode::IoFailure,
          fmt::format("{}: {}", act, std::strerror(number)), {}};
}

struct Pipe {
  int ends[2] = {-1, -1};
  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  void close(int which) {
    if (ends[which] >= 0) ::close(ends[which]);
    ends[which] = -1;
  }
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(0);
    close(1);
  }
};

std::string found_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return {};
  for (const char* folder : program_folders) {
    const std::string path = fmt::format("{}/{}", folder, name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// Reads what is there; false at the end. What exceeds text_max is read and dropped, so that the program never blocks.
bool take(int descriptor, std::string& text) {
  char bytes[4096];
  const ssize_t got = ::read(descriptor, bytes, sizeof bytes);
  if (got < 0) return errno == EINTR;
  if (got > 0) text.append(bytes, std::min<std::size_t>(static_cast<std::size_t>(got), text_max - text.size()));
  return got > 0;
}

void take_all(Pipe& output, Pipe& errors, Outcome& outcome) {
  pollfd waiting[2] = {{output.ends[0], POLLIN, 0}, {errors.ends[0], POLLIN, 0}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[0].revents != 0 && !take(waiting[0].fd, outcome.output)) waiting[0].fd = -1;
    if (waiting[1].revents != 0 && !take(waiting[1].fd, outcome.errors)) waiting[1].fd = -1;
  }
}

// "Return 0 without doing it" for the calls that change a file's length; all others pass.
constexpr std::uint32_t pretend_success = SECCOMP_RET_ERRNO;
sock_filter keep_sizes_code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ftruncate, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_truncate, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, pretend_success),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
const sock_fprog keep_sizes = {static_cast<unsigned short>(std::size(keep_sizes_code)), keep_sizes_code};

constexpr int not_started = 127;

// In the child: only calls that are safe between fork and exec of a threaded program. Never returns.
[[noreturn]] void become(const char* program, char** argv, char** environment, int output, int errors, FileSizes file_sizes) {
  // A program must not write on when the run that started it is gone: the next run may be at work already.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const bool ready = nothing >= 0 && ::dup2(nothing, 0) == 0 && ::dup2(output, 1) == 1 && ::dup2(errors, 2) == 2 &&
                     (file_sizes == FileSizes::MayChange ||
                      (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                       ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &keep_sizes, 0, 0) == 0));
  if (ready) ::execve(program, argv, environment);
  constexpr char complaint[] = "could not be started with its confinement\n";
  (void)!::write(errors, complaint, sizeof complaint - 1);
  ::_exit(not_started);
}

}  // namespace

Result<Outcome> PosixProcesses::run(const std::vector<std::string>& arguments, FileSizes file_sizes) {
  invariant(!arguments.empty(), "a program to run has a name");
  const std::string program = found_program(arguments[0]);
  if (program.empty())
    return Error{ErrorCode::NotFound,
                 fmt::format("the program {} is not in {}, {}, {} or {}; install it", arguments[0], program_folders[0],
                             program_folders[1], program_folders[2], program_folders[3]), {}};
  Pipe output;
  Pipe errors;
  if (!output.open() || !errors.open()) return failure("making a pipe", errno);

  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char locale[] = "LC_ALL=C";
  // e2fsprogs then write zeros where they would punch holes: in a copy in memory, what they zeroed differs from what they left.
  char written_zeros[] = "UNIX_IO_NOZEROOUT=1";
  char* environment[] = {path, locale, written_zeros, nullptr};

  const pid_t child = ::fork();
  if (child < 0) return failure("starting " + program, errno);
  if (child == 0) become(program.c_str(), argv.data(), environment, output.ends[1], errors.ends[1], file_sizes);
  output.close(1);
  errors.close(1);

  Outcome outcome;
  take_all(output, errors, outcome);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return failure("waiting for " + program, errno);
  outcome.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace provision::disk
