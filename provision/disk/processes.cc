#include "provision/disk/processes.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace

Result<Outcome> PosixProcesses::run(const std::vector<std::string>& arguments) {
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
  char* environment[] = {path, locale, nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output.ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, errors.ends[1], 2);
  pid_t child = -1;
  const int refused = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  if (refused != 0) return failure("starting " + program, refused);
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
