#include "provision/line/crew.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace provision::line {
namespace {

Error failure(std::string_view act) { return {ErrorCode::IoFailure, std::string(act) + ": " + std::strerror(errno), {}}; }

// True when something was read; false at the end.
bool take(int descriptor, std::string& text) {
  char bytes[16384];
  const ssize_t got = ::read(descriptor, bytes, sizeof bytes);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  text.append(bytes, static_cast<std::size_t>(got));
  return got > 0;
}

void close_one(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

}  // namespace

ChildCrew::~ChildCrew() {
  for (auto& [disk, worker] : workers_) {
    ::kill(worker.process, SIGKILL);
    while (::waitpid(worker.process, nullptr, 0) < 0 && errno == EINTR) continue;
    close_one(worker.output);
    close_one(worker.errors);
  }
}

Done ChildCrew::start(std::size_t disk, const std::vector<std::string>& arguments) {
  invariant(!workers_.contains(disk), "each disk has one run at a time");
  int output[2];
  int errors[2];
  if (::pipe2(output, O_CLOEXEC) != 0) return failure("making a pipe");
  if (::pipe2(errors, O_CLOEXEC) != 0) {
    const Error error = failure("making a pipe");
    ::close(output[0]);
    ::close(output[1]);
    return error;
  }
  std::vector<char*> argv = {const_cast<char*>(program_.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    // Nobody goes on writing for a line that is gone.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (::getppid() == parent && nothing >= 0 && ::dup2(nothing, 0) == 0 && ::dup2(output[1], 1) == 1 && ::dup2(errors[1], 2) == 2)
      ::execv(program_.c_str(), argv.data());
    ::_exit(127);
  }
  ::close(output[1]);
  ::close(errors[1]);
  if (child < 0) {
    const Error error = failure("starting " + program_);
    ::close(output[0]);
    ::close(errors[0]);
    return error;
  }
  workers_[disk] = Worker{child, output[0], errors[0], {}, {}};
  return {};
}

bool ChildCrew::whole_line(std::size_t disk, Worker& worker, CrewWord& word) {
  std::size_t end = worker.said.find('\n');
  if (end == std::string::npos && worker.said.size() <= crew_line_max && (worker.output >= 0 || worker.said.empty())) return false;
  if (end == std::string::npos) end = worker.said.size();
  word = {CrewWord::Kind::Line, disk, worker.said.substr(0, std::min(end, crew_line_max)), 0, {}};
  worker.said.erase(0, std::min(end + 1, worker.said.size()));
  return true;
}

CrewWord ChildCrew::buried(std::size_t disk) {
  Worker& worker = workers_[disk];
  int status = 0;
  while (::waitpid(worker.process, &status, 0) < 0 && errno == EINTR) continue;
  CrewWord word{CrewWord::Kind::Gone, disk, {}, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), std::move(worker.complained)};
  while (!word.errors.empty() && word.errors.back() == '\n') word.errors.pop_back();
  workers_.erase(disk);
  return word;
}

Result<CrewWord> ChildCrew::listen(Duration patience) {
  CrewWord word;
  for (auto& [disk, worker] : workers_) {
    if (whole_line(disk, worker, word)) return word;
    if (worker.output < 0 && worker.errors < 0) return buried(disk);
  }
  std::vector<pollfd> waiting;
  std::vector<std::size_t> whose;
  for (const auto& [disk, worker] : workers_)
    for (const int descriptor : {worker.output, worker.errors})
      if (descriptor >= 0) {
        waiting.push_back({descriptor, POLLIN, 0});
        whose.push_back(disk);
      }
  if (::poll(waiting.data(), waiting.size(), static_cast<int>(patience.count())) < 0 && errno != EINTR) return failure("waiting for the runs");
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (waiting[i].revents == 0) continue;
    Worker& worker = workers_[whose[i]];
    const bool is_output = waiting[i].fd == worker.output;
    std::string& text = is_output ? worker.said : worker.complained;
    if (!take(waiting[i].fd, text)) close_one(is_output ? worker.output : worker.errors);
    if (worker.complained.size() > crew_errors_max) worker.complained.erase(0, worker.complained.size() - crew_errors_max);
  }
  for (auto& [disk, worker] : workers_)
    if (whole_line(disk, worker, word)) return word;
  return CrewWord{};
}

}  // namespace provision::line
