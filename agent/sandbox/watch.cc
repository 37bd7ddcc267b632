#include "agent/sandbox/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <vector>

#include "agent/sandbox/task_folder.h"

namespace agent::sandbox {
namespace {

constexpr std::size_t words_max = 4096;
constexpr std::size_t status_max = 16384;
constexpr int unfinished_code = 75;  // EX_TEMPFAIL, see RUNTIME.md

// Takes what is there now, keeps the first `limit` bytes. False when the other end is closed.
bool drain(int descriptor, std::string& kept, std::size_t limit) {
  char block[4096];
  for (;;) {
    const ssize_t got = read(descriptor, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    kept.append(block, std::min(static_cast<std::size_t>(got), limit - std::min(limit, kept.size())));
  }
}

void make_nonblocking(int descriptor) { fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

void send_signal(int process_descriptor, int signal) {
  syscall(SYS_pidfd_send_signal, process_descriptor, signal, nullptr, 0);
}

Duration processor_of(const rusage& usage) {
  const auto span = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return std::chrono::ceil<Duration>(span(usage.ru_utime) + span(usage.ru_stime));
}

// bwrap writes one JSON object a line: {"child-pid": n}, then {"exit-code": n} when the program really ran and ended.
std::optional<std::int64_t> number_in(const std::string& lines, const char* name) {
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(boost::json::string_view(lines.data() + at, end - at), error);
    at = end + 1;
    if (error || !value.is_object()) continue;
    const boost::json::value* field = value.get_object().if_contains(name);
    if (field != nullptr && field->is_int64()) return field->get_int64();
  }
  return std::nullopt;
}

std::string printable(const std::string& words) {
  std::string text;
  for (const char byte : words) text += byte == '\n' || static_cast<unsigned char>(byte) >= 0x20 ? byte : '?';
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> found;
  const std::string path = "/proc/" + std::to_string(process) + "/task/" + std::to_string(process) + "/children";
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return found;
  std::string text;
  make_nonblocking(file);
  drain(file, text, std::size_t{1} << 20);
  close(file);
  for (const char* at = text.data(); at < text.data() + text.size();) {
    pid_t child = 0;
    const auto [next, error] = std::from_chars(at, text.data() + text.size(), child);
    if (error != std::errc()) break;
    found.push_back(child);
    at = next + 1;
  }
  return found;
}

}  // namespace

TaskWatch::TaskWatch(const TaskSpec& spec, const Launched& launched, ControlGroup group, Duration stop_grace,
                     const TaskEndSink& ended)
    : spec_(spec),
      launched_(launched),
      group_(std::move(group)),
      stop_grace_(stop_grace),
      sink_(ended),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wall_end_(Steady::now() + spec.limits.wall),
      thread_([this] { run(); }) {}

TaskWatch::~TaskWatch() {
  thread_.join();
  close(wake_);
}

void TaskWatch::run() {
  listen_until_ended();
  int wait_status = 0;
  const Duration processor = collect(wait_status);
  TaskEnd end = verdict(wait_status, processor);
  group_.remove();
  for (const int descriptor : {launched_.process_descriptor, launched_.standard_error, launched_.status})
    close(descriptor);
  ended_ = true;
  sink_(std::move(end));
}

int TaskWatch::wait_ms() {
  const std::lock_guard lock(mutex_);
  const Steady::time_point until = grace_end_ ? std::min(*grace_end_, wall_end_) : wall_end_;
  const auto span = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(span, 0, 3'600'000));
}

void TaskWatch::listen_until_ended() {
  make_nonblocking(launched_.standard_error);
  make_nonblocking(launched_.status);
  pollfd events[4] = {{launched_.process_descriptor, POLLIN, 0},
                      {wake_, POLLIN, 0},
                      {launched_.standard_error, POLLIN, 0},
                      {launched_.status, POLLIN, 0}};
  while ((events[0].revents & POLLIN) == 0) {
    if (poll(events, 4, wait_ms()) < 0 && errno != EINTR) break;
    std::uint64_t woken = 0;
    [[maybe_unused]] const ssize_t got = read(wake_, &woken, sizeof woken);
    // A closed pipe would wake us for ever.
    if (events[2].fd >= 0 && !drain(launched_.standard_error, words_, words_max)) events[2].fd = -1;
    if (events[3].fd >= 0 && !drain(launched_.status, status_, status_max)) events[3].fd = -1;
    const std::optional<std::int64_t> inside = number_in(status_, "child-pid");
    Cause due = Cause::None;
    bool freeze_now = false;
    {
      const std::lock_guard lock(mutex_);
      freeze_now = inside && first_inside_ == 0 && frozen_ && !group_.can_freeze();
      if (inside) first_inside_ = static_cast<pid_t>(*inside);
      const Steady::time_point now = Steady::now();
      if (now >= wall_end_) due = Cause::Wall;
      if (grace_end_ && now >= *grace_end_) due = Cause::Grace;
      if (due != Cause::None) {
        wall_end_ = now + std::chrono::seconds(1);  // again, should it not have died
        grace_end_.reset();
      }
    }
    if (freeze_now) signal_tree(SIGSTOP);
    if (due != Cause::None) end_now(due);
  }
  drain(launched_.standard_error, words_, words_max);
  drain(launched_.status, status_, status_max);
  const std::lock_guard lock(mutex_);
  first_inside_ = static_cast<pid_t>(number_in(status_, "child-pid").value_or(0));
}

void TaskWatch::end_now(Cause cause) {
  {
    const std::lock_guard lock(mutex_);
    if (cause_ == Cause::None) cause_ = cause;
  }
  send_signal(launched_.process_descriptor, SIGKILL);
  group_.kill_all();
}

void TaskWatch::kill() { end_now(Cause::Killed); }

void TaskWatch::stop_by_grace() {
  {
    const std::lock_guard lock(mutex_);
    asked_to_stop_ = true;
    if (!grace_end_) grace_end_ = Steady::now() + stop_grace_;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

void TaskWatch::freeze() {
  {
    // Should it not be known yet whom to stop, the thread does it as soon as it is.
    const std::lock_guard lock(mutex_);
    frozen_ = true;
  }
  if (group_.can_freeze()) {
    group_.freeze();
  } else {
    signal_tree(SIGSTOP);
  }
}

void TaskWatch::thaw() {
  {
    const std::lock_guard lock(mutex_);
    frozen_ = false;
  }
  if (group_.can_freeze()) {
    group_.thaw();
  } else {
    signal_tree(SIGCONT);
  }
}

// Twice, because a process may fork while we look; bwrap's own outer process goes on, it only waits.
void TaskWatch::signal_tree(int signal) {
  pid_t first = 0;
  {
    const std::lock_guard lock(mutex_);
    first = first_inside_;
  }
  if (first <= 0) return;
  for (int round = 0; round < 2; ++round) {
    std::vector<pid_t> waiting = {first};
    while (!waiting.empty()) {
      const pid_t process = waiting.back();
      waiting.pop_back();
      ::kill(process, signal);
      const std::vector<pid_t> below = children_of(process);
      waiting.insert(waiting.end(), below.begin(), below.end());
    }
  }
}

Duration TaskWatch::collect(int& wait_status) {
  rusage usage = {};
  while (wait4(launched_.process, &wait_status, 0, &usage) < 0 && errno == EINTR) {
  }
  Duration processor = processor_of(usage);
  if (first_inside_ <= 0) return processor;
  // bwrap may end before its process 1 does; then that one, with all that it waited for, is ours to wait for.
  siginfo_t facts = {};
  if (waitid(P_PID, static_cast<id_t>(first_inside_), &facts, WEXITED | WNOHANG | WNOWAIT) != 0) return processor;
  ::kill(first_inside_, SIGKILL);
  group_.thaw();
  int status_inside = 0;
  rusage usage_inside = {};
  while (wait4(first_inside_, &status_inside, 0, &usage_inside) < 0) {
    if (errno != EINTR) return processor;
  }
  return processor + processor_of(usage_inside);
}

TaskEnd TaskWatch::verdict(int wait_status, Duration processor) {
  TaskEnd end{.assignment = spec_.assignment, .processor = processor, .reason = printable(words_)};
  const std::optional<std::int64_t> code = number_in(status_, "exit-code");
  end.exit_code = code                     ? static_cast<int>(*code)
                  : WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
                                           : 128 + WTERMSIG(wait_status);
  const auto over = [&](const std::string& what) {
    end.kind = EndKind::OverLimit;
    end.reason = what + (end.reason.empty() ? "" : "\n" + end.reason);
    return end;
  };
  const std::lock_guard lock(mutex_);
  if (code && *code == 0) {
    end.kind = EndKind::Exited;
    Result<std::string> result = read_result(spec_.folder, spec_.limits.result);
    if (!result) return over(result.error().text());
    end.result = *std::move(result);
    return end;
  }
  if (group_.ran_out_of_memory()) return over("it needed more than " + spec_.limits.memory.text() + " of memory");
  if (cause_ == Cause::Wall) return over("it ran longer than " + text_of(spec_.limits.wall));
  if (cause_ == Cause::Killed) {
    end.kind = EndKind::Killed;
  } else if (end.exit_code == 128 + SIGXCPU ||
             (end.exit_code == 128 + SIGKILL && processor >= spec_.limits.processor)) {
    return over("it used more than " + text_of(spec_.limits.processor) + " of processor time");
  } else if (end.exit_code == 128 + SIGXFSZ) {
    return over("it wrote a file larger than it may");
  } else if (end.exit_code == unfinished_code || asked_to_stop_) {
    end.kind = EndKind::Unfinished;
  } else if (!code) {
    end.kind = EndKind::NotStarted;
  } else {
    end.kind = EndKind::Exited;
  }
  return end;
}

TrialEnd wait_for_trial(const Launched& launched, Duration limit) {
  TrialEnd end;
  pollfd event = {launched.process_descriptor, POLLIN, 0};
  if (poll(&event, 1, static_cast<int>(limit.count())) <= 0) send_signal(launched.process_descriptor, SIGKILL);
  int status = 0;
  while (waitpid(launched.process, &status, 0) < 0 && errno == EINTR) {
  }
  make_nonblocking(launched.standard_error);
  make_nonblocking(launched.status);
  std::string words;
  std::string status_lines;
  drain(launched.standard_error, words, words_max);
  drain(launched.status, status_lines, status_max);
  for (const int descriptor : {launched.process_descriptor, launched.standard_error, launched.status})
    close(descriptor);
  const std::optional<std::int64_t> inside = number_in(status_lines, "child-pid");
  if (inside) waitpid(static_cast<pid_t>(*inside), nullptr, 0);
  end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  end.words = printable(words);
  return end;
}

}  // namespace agent::sandbox
