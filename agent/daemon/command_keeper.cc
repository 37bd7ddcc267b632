#include "agent/daemon/command_keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace agent::daemon {
namespace {

constexpr std::size_t output_max = std::size_t{1} << 20;
constexpr std::size_t input_max = 4096;  // what a pipe takes in one write, however full memory is

bool read_whole(int descriptor, void* bytes, std::size_t count) {
  auto* at = static_cast<char*>(bytes);
  while (count > 0) {
    const ssize_t got = read(descriptor, at, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_whole(int descriptor, const void* bytes, std::size_t count) {
  const auto* at = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t put = send(descriptor, at, count, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
    count -= static_cast<std::size_t>(put);
  }
  return true;
}

bool fill(int pipe, std::string_view input) {
  return input.empty() || write(pipe, input.data(), input.size()) == static_cast<ssize_t>(input.size());
}

struct Request {
  std::uint32_t command = 0;
  std::uint32_t input_size = 0;
};

// Runs a command each time it is asked, until the daemon is gone.
[[noreturn]] void keep(int descriptor, const std::vector<std::vector<std::string>>& commands) {
  signal(SIGTERM, SIG_IGN);  // a stop of the daemon must not cut a release; its end of the socket tells us
  Request request;
  while (read_whole(descriptor, &request, sizeof request)) {
    if (request.command >= commands.size() || request.input_size > input_max) break;
    std::string input(request.input_size, '\0');
    if (!read_whole(descriptor, input.data(), input.size())) break;
    Result<CommandOutput> output = run_command(commands[request.command], input);
    ::explicit_bzero(input.data(), input.size());
    const std::int32_t status = output ? output->status : -1;
    const std::string text = output ? output->text : output.error().text();
    const std::uint64_t size = text.size();
    if (!write_whole(descriptor, &status, sizeof status) || !write_whole(descriptor, &size, sizeof size) ||
        !write_whole(descriptor, text.data(), text.size()))
      break;
  }
  _exit(0);
}

}  // namespace

std::string replaced(std::string word, const std::string& what, const std::string& by) {
  for (std::size_t at = word.find(what); at != std::string::npos; at = word.find(what, at + by.size())) word.replace(at, what.size(), by);
  return word;
}

Result<CommandOutput> run_command(const std::vector<std::string>& words, std::string_view input) {
  const std::string doing = "running " + words.front();
  invariant(input.size() <= input_max, "what a command is given fits into a pipe");
  int output[2] = {-1, -1};
  int given[2] = {-1, -1};
  if (pipe2(output, O_CLOEXEC) != 0) return Error{ErrorCode::Unavailable, std::strerror(errno), {doing}};
  if (pipe2(given, O_CLOEXEC) != 0 || !fill(given[1], input)) {
    const int failed = errno;
    for (const int end : {output[0], output[1], given[0], given[1]})
      if (end >= 0) close(end);
    return Error{ErrorCode::Unavailable, std::strerror(failed), {doing}};
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, given[0], 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGTERM);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t process = -1;
  const int code = posix_spawnp(&process, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(output[1]);
  close(given[0]);
  close(given[1]);
  if (code != 0) {
    close(output[0]);
    return Error{ErrorCode::Unavailable, std::strerror(code), {doing}};
  }
  CommandOutput found;
  char block[4096];
  for (;;) {
    const ssize_t got = read(output[0], block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    found.text.append(block,
                      std::min(static_cast<std::size_t>(got), output_max - std::min(output_max, found.text.size())));
  }
  close(output[0]);
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  found.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return found;
}

CommandKeeper::~CommandKeeper() {
  if (keeper_ >= 0) close(keeper_);
}

std::size_t CommandKeeper::add(std::vector<std::string> words) {
  invariant(keeper_ < 0, "commands are named before rights are given up");
  commands_.push_back(std::move(words));
  return commands_.size() - 1;
}

Done CommandKeeper::keep_rights() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{ErrorCode::Unavailable, std::strerror(errno), {"making the keeper of rights"}};
  const pid_t process = fork();
  if (process == 0) {
    close(ends[0]);
    keep(ends[1], commands_);
  }
  const int failed = errno;
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    return Error{ErrorCode::Unavailable, std::strerror(failed), {"making the keeper of rights"}};
  }
  keeper_ = ends[0];
  return {};
}

Result<CommandOutput> CommandKeeper::run(std::size_t command, std::string_view input) {
  const std::lock_guard lock(one_at_a_time_);
  if (keeper_ < 0) return run_command(commands_.at(command), input);
  std::int32_t status = -1;
  std::uint64_t size = 0;
  const Request request{static_cast<std::uint32_t>(command), static_cast<std::uint32_t>(input.size())};
  const Error gone{ErrorCode::Unavailable, "the keeper of rights is gone; start the agent again", {}};
  if (!write_whole(keeper_, &request, sizeof request) || !write_whole(keeper_, input.data(), input.size()) ||
      !read_whole(keeper_, &status, sizeof status) || !read_whole(keeper_, &size, sizeof size))
    return gone;
  if (size > output_max) return gone;
  CommandOutput output{.status = status, .text = std::string(size, '\0')};
  if (!read_whole(keeper_, output.text.data(), output.text.size())) return gone;
  return output;
}

}  // namespace agent::daemon
