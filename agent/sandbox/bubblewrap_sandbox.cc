#include "agent/sandbox/bubblewrap_sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sandbox/bubblewrap_command.h"
#include "agent/sandbox/launch.h"
#include "agent/sandbox/seccomp_filter.h"
#include "agent/sandbox/task_folder.h"
#include "agent/sandbox/watch.h"

namespace agent::sandbox {
namespace {

constexpr Duration trial_max{10'000};
constexpr const char* trial_program = "/bin/true";

// Threads of all processes of our user. The kernel compares them with RLIMIT_NPROC when bwrap begins, before the task
// has a namespace, and thus a count, of its own.
std::uint32_t threads_of_our_user() {
  std::uint32_t count = 0;
  DIR* processes = opendir("/proc");
  if (processes == nullptr) return 0;
  while (const dirent* entry = readdir(processes)) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    struct stat facts = {};
    const std::string threads = std::string("/proc/") + entry->d_name + "/task";
    if (stat(threads.c_str(), &facts) != 0 || facts.st_uid != getuid()) continue;
    count += facts.st_nlink > 2 ? static_cast<std::uint32_t>(facts.st_nlink - 2) : 1;
  }
  closedir(processes);
  return count;
}

// Root is not held to RLIMIT_NPROC, so without a control group it may not fork at all.
NewProcesses new_processes(const GroupAbilities& groups) {
  return groups.pids || getuid() != 0 ? NewProcesses::Allowed : NewProcesses::Refused;
}

}  // namespace

// Ties a TaskWatch to the group in which its task runs.
class BubblewrapSandbox::Watch {
 public:
  Watch(const TaskSpec& spec, const Launched& launched, ControlGroup group, Duration stop_grace,
        const TaskEndSink& ended)
      : folder(spec.folder), task(spec, launched, std::move(group), stop_grace, ended) {}
  std::string folder;
  TaskWatch task;
};

BubblewrapSandbox::BubblewrapSandbox(BubblewrapSettings settings, TaskEndSink ended)
    : settings_(std::move(settings)), ended_(std::move(ended)) {
  adopt_orphans();
  ControlGroup::end_leftovers(settings_.control_groups);
  groups_ = ControlGroup::try_out(settings_.control_groups);
  try_out();
}

BubblewrapSandbox::~BubblewrapSandbox() {
  for (auto& [assignment, watch] : tasks_) watch->task.kill();
}

void BubblewrapSandbox::try_out() {
  const auto cannot = [&](std::string why) { abilities_ = {.available = false, .reason = std::move(why)}; };
  if (access(settings_.bwrap.c_str(), X_OK) != 0) {
    cannot(settings_.bwrap + " is not there; install bubblewrap");
    return;
  }
  Result<int> filter = seccomp_filter_file(new_processes(groups_));
  if (!filter) {
    cannot(filter.error().text());
    return;
  }
  LaunchSettings launch_settings{.words = bubblewrap_trial(settings_.bwrap, trial_program),
                                 .group_entrances = {},
                                 .limits = {},
                                 .file_size = mebibytes(1),
                                 .bound_address_space = false,
                                 .processes_of_user = 0,
                                 .seccomp_file = *filter};
  Result<Launched> launched = launch(launch_settings);
  close(*filter);
  if (!launched) {
    cannot(launched.error().text());
    return;
  }
  const TrialEnd end = wait_for_trial(*launched, trial_max);
  if (end.exit_code != 0) {
    cannot("bwrap ended with status " + std::to_string(end.exit_code) + ": " + end.words);
    return;
  }
  std::string bounds =
      std::string("memory by ") + (groups_.memory ? "control group" : "address space") + ", processes by ";
  bounds += groups_.pids ? "control group" : getuid() != 0 ? "limit" : "refusing new ones";
  abilities_ = {.available = true, .reason = bounds + ", frozen by " + (groups_.freezer ? "control group" : "signal")};
}

void BubblewrapSandbox::forget_ended() {
  std::erase_if(tasks_, [](const auto& entry) { return entry.second->task.has_ended(); });
}

BubblewrapSandbox::Watch* BubblewrapSandbox::running(const AssignmentId& assignment) {
  const auto found = tasks_.find(assignment);
  return found == tasks_.end() || found->second->task.has_ended() ? nullptr : found->second.get();
}

Done BubblewrapSandbox::start(const TaskSpec& spec) {
  forget_ended();
  const std::string doing = "starting assignment " + spec.assignment.text;
  if (!abilities_.available) return Error{ErrorCode::Unsupported, abilities_.reason, {doing}};
  if (tasks_.contains(spec.assignment)) return Error{ErrorCode::Conflict, "it runs already", {doing}};
  Done checked = check(spec);
  if (checked) checked = prepare_folder(spec);
  if (!checked) return checked.error().within(doing);
  Result<int> filter = seccomp_filter_file(new_processes(groups_));
  if (!filter) return filter.error().within(doing);
  ControlGroup group(settings_.control_groups, groups_,
                     ControlGroup::name_of(++launches_), spec.limits);
  const bool counted = groups_.pids || getuid() == 0;
  const LaunchSettings launch_settings{.words = bubblewrap_command(settings_.bwrap, spec, settings_.shared_memory),
                                       .group_entrances = group.entrances(),
                                       .limits = spec.limits,
                                       .file_size = file_size_max(spec.limits),
                                       .bound_address_space = !groups_.memory,
                                       .processes_of_user = counted ? 0 : threads_of_our_user() + spec.limits.processes,
                                       .seccomp_file = *filter};
  Result<Launched> launched = launch(launch_settings);
  close(*filter);
  if (!launched) {
    group.remove();
    return launched.error().within(doing);
  }
  tasks_[spec.assignment] = std::make_unique<Watch>(spec, *launched, std::move(group), settings_.stop_grace, ended_);
  return {};
}

void BubblewrapSandbox::freeze(const AssignmentId& assignment) {
  if (Watch* watch = running(assignment)) watch->task.freeze();
}

void BubblewrapSandbox::thaw(const AssignmentId& assignment) {
  if (Watch* watch = running(assignment)) watch->task.thaw();
}

void BubblewrapSandbox::ask_to_stop(const AssignmentId& assignment) {
  Watch* watch = running(assignment);
  if (watch == nullptr) return;
  set_control(watch->folder, 's');
  watch->task.thaw();
  watch->task.stop_by_grace();
}

void BubblewrapSandbox::ask_checkpoint(const AssignmentId& assignment) {
  if (Watch* watch = running(assignment)) set_control(watch->folder, 'c');
}

void BubblewrapSandbox::kill(const AssignmentId& assignment) {
  if (Watch* watch = running(assignment)) watch->task.kill();
}

Result<std::string> BubblewrapSandbox::checkpoint(const std::string& folder) { return newest_checkpoint(folder); }

Done BubblewrapSandbox::discard(const std::string& folder) { return discard_folder(folder); }

}  // namespace agent::sandbox
