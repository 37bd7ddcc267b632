#include "agent/daemon/command_releaser.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "images/keys/statement.h"

namespace agent::daemon {
namespace {

constexpr std::size_t output_max = std::size_t{1} << 20;
constexpr char run_now = 'r';

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

// Runs the command each time it is asked, until the daemon is gone.
[[noreturn]] void keep(int descriptor, const std::vector<std::string>& command) {
  signal(SIGTERM, SIG_IGN);  // a stop of the daemon must not cut a release; its end of the socket tells us
  char asked = 0;
  while (read_whole(descriptor, &asked, 1)) {
    Result<CommandOutput> output = run_command(command);
    const std::int32_t status = output ? output->status : -1;
    const std::string text = output ? output->text : output.error().text();
    const std::uint64_t size = text.size();
    if (!write_whole(descriptor, &status, sizeof status) || !write_whole(descriptor, &size, sizeof size) ||
        !write_whole(descriptor, text.data(), text.size()))
      break;
  }
  _exit(0);
}

std::string replaced(std::string word, const std::string& what, const std::string& by) {
  for (std::size_t at = word.find(what); at != std::string::npos; at = word.find(what, at + by.size()))
    word.replace(at, what.size(), by);
  return word;
}

}  // namespace

Result<CommandOutput> run_command(const std::vector<std::string>& words) {
  const std::string doing = "running " + words.front();
  int output[2] = {-1, -1};
  if (pipe2(output, O_CLOEXEC) != 0) return Error{ErrorCode::Unavailable, std::strerror(errno), {doing}};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
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

Result<contract::Receipt> receipt_in(const std::string& output) {
  const auto read_one = [](const std::string& text) -> Result<contract::Receipt> {
    Result<images::keys::Statement> statement = images::keys::parse_statement(text);
    return contract::receipt_from(statement ? statement->payload : text);
  };
  std::string whole = output;
  while (!whole.empty() && (whole.back() == '\n' || whole.back() == ' ')) whole.pop_back();
  Result<contract::Receipt> found = read_one(whole);
  for (std::size_t at = 0; !found && at < whole.size();) {
    const std::size_t end = std::min(whole.find('\n', at), whole.size());
    if (whole[at] == '{') found = read_one(whole.substr(at, end - at));
    at = end + 1;
  }
  if (!found)
    return Error{ErrorCode::Corrupt, "no receipt is in what the release printed: " + found.error().text(), {}};
  return found;
}

CommandReleaser::CommandReleaser(images::files::Files& files, Mailbox& mailbox, std::string state_folder,
                                 const MachineId& machine, std::vector<std::string> command)
    : files_(&files), mailbox_(&mailbox), order_path_(std::move(state_folder) + "/release-order.dsse") {
  for (std::string& word : command)
    command_.push_back(replaced(replaced(std::move(word), "{order}", order_path_), "{machine}", machine.text));
}

CommandReleaser::~CommandReleaser() {
  if (thread_.joinable()) thread_.join();
  if (keeper_ >= 0) close(keeper_);
}

Done CommandReleaser::keep_rights() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{ErrorCode::Unavailable, std::strerror(errno), {"making the release keeper"}};
  const pid_t process = fork();
  if (process == 0) {
    close(ends[0]);
    keep(ends[1], command_);
  }
  const int failed = errno;
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    return Error{ErrorCode::Unavailable, std::strerror(failed), {"making the release keeper"}};
  }
  keeper_ = ends[0];
  return {};
}

Result<CommandOutput> CommandReleaser::run() {
  if (keeper_ < 0) return run_command(command_);
  std::int32_t status = -1;
  std::uint64_t size = 0;
  const Error gone{ErrorCode::Unavailable, "the release keeper is gone; start the agent again", {}};
  if (!write_whole(keeper_, &run_now, 1) || !read_whole(keeper_, &status, sizeof status) ||
      !read_whole(keeper_, &size, sizeof size))
    return gone;
  if (size > output_max) return gone;
  CommandOutput output{.status = status, .text = std::string(size, '\0')};
  if (!read_whole(keeper_, output.text.data(), output.text.size())) return gone;
  return output;
}

void CommandReleaser::begin_release(const std::string& order) {
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this, order] {
    Done written = files_->replace(order_path_, order, images::files::Access::OwnerOnly);
    Result<CommandOutput> output = written ? run() : Result<CommandOutput>(written.error());
    if (output && output->status != 0) {
      output = Error{ErrorCode::Unavailable,
                     command_.front() + " ended with status " + std::to_string(output->status),
                     {"giving the disk back"}};
    }
    mailbox_->post(Event(DiskReleased{output ? receipt_in(output->text) : Result<contract::Receipt>(output.error())}));
  });
}

}  // namespace agent::daemon
