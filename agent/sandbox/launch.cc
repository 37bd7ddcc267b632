#include "agent/sandbox/launch.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/sandbox/bubblewrap_command.h"

namespace agent::sandbox {
namespace {

// Descriptors below this are given to bwrap; ours are moved out of their way.
constexpr int first_free_descriptor = 10;
constexpr rlim_t open_files_max = 256;
constexpr int lowest_priority = 19;

Error failure(const char* what) {
  return Error{ErrorCode::Unavailable, std::string(what) + ": " + std::strerror(errno), {"launching a sandbox"}};
}

void close_all(std::initializer_list<int> descriptors) {
  for (const int descriptor : descriptors) {
    if (descriptor >= 0) close(descriptor);
  }
}

// Everything that the child needs, made before the fork: between fork and exec nothing may allocate.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<const char*> entrances;
  std::vector<std::pair<int, rlimit>> limits;
  int null_file = -1;
  int standard_error = -1;
  int seccomp_file = -1;
  int status = -1;
};

void set(Prepared& prepared, int resource, rlim_t soft, rlim_t hard) {
  prepared.limits.push_back({resource, {.rlim_cur = soft, .rlim_max = hard}});
}

void choose_limits(const LaunchSettings& settings, Prepared& prepared) {
  const rlim_t seconds = static_cast<rlim_t>((settings.limits.processor.count() + 999) / 1000);
  set(prepared, RLIMIT_CPU, seconds, seconds + 1);
  set(prepared, RLIMIT_FSIZE, settings.file_size.count, settings.file_size.count);
  set(prepared, RLIMIT_CORE, 0, 0);
  set(prepared, RLIMIT_NOFILE, open_files_max, open_files_max);
  if (settings.bound_address_space)
    set(prepared, RLIMIT_AS, settings.limits.memory.count, settings.limits.memory.count);
  if (settings.processes_of_user > 0)
    set(prepared, RLIMIT_NPROC, settings.processes_of_user, settings.processes_of_user);
}

[[noreturn]] void become(const Prepared& prepared) {
  for (const char* entrance : prepared.entrances) {
    const int file = open(entrance, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, "0", 1) != 1) _exit(126);
    close(file);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  setpriority(PRIO_PROCESS, 0, lowest_priority);
  const bool placed = dup2(prepared.null_file, 0) == 0 && dup2(prepared.null_file, 1) == 1 &&
                      dup2(prepared.standard_error, 2) == 2 &&
                      dup2(prepared.seccomp_file, seccomp_descriptor) == seccomp_descriptor &&
                      dup2(prepared.status, status_descriptor) == status_descriptor;
  // Whatever the agent itself inherited or opened is none of the task's business.
  if (!placed || syscall(SYS_close_range, status_descriptor + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) _exit(126);
  for (const auto& [resource, limit] : prepared.limits) {
    if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) _exit(126);
  }
  execve(prepared.arguments[0], prepared.arguments.data(), environ);
  _exit(127);
}

int moved_up(int descriptor) {
  const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, first_free_descriptor);
  close(descriptor);
  return moved;
}

}  // namespace

void adopt_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

Result<Launched> launch(const LaunchSettings& settings) {
  int error_pipe[2] = {-1, -1};
  int status_pipe[2] = {-1, -1};
  if (pipe2(error_pipe, O_CLOEXEC) != 0) return failure("pipe");
  if (pipe2(status_pipe, O_CLOEXEC) != 0) {
    const Error error = failure("pipe");
    close_all({error_pipe[0], error_pipe[1]});
    return error;
  }
  Prepared prepared;
  for (const std::string& word : settings.words) prepared.arguments.push_back(const_cast<char*>(word.c_str()));
  prepared.arguments.push_back(nullptr);
  for (const std::string& entrance : settings.group_entrances) prepared.entrances.push_back(entrance.c_str());
  choose_limits(settings, prepared);
  prepared.null_file = moved_up(open("/dev/null", O_RDWR | O_CLOEXEC));
  prepared.standard_error = moved_up(error_pipe[1]);
  prepared.status = moved_up(status_pipe[1]);
  prepared.seccomp_file = fcntl(settings.seccomp_file, F_DUPFD_CLOEXEC, first_free_descriptor);

  const pid_t process = fork();
  if (process == 0) become(prepared);
  const Error refused = failure("fork");
  close_all({prepared.null_file, prepared.standard_error, prepared.status, prepared.seccomp_file});
  if (process < 0) {
    close_all({error_pipe[0], status_pipe[0]});
    return refused;
  }
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
  if (descriptor < 0) {
    const Error error = failure("pidfd_open");
    ::kill(process, SIGKILL);
    close_all({error_pipe[0], status_pipe[0]});
    return error;
  }
  return Launched{
      .process = process, .process_descriptor = descriptor, .standard_error = error_pipe[0], .status = status_pipe[0]};
}

}  // namespace agent::sandbox
