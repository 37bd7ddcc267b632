#include "agent/sandbox/control_group.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

namespace agent::sandbox {
namespace {

// bwrap's own two processes are in the group too.
constexpr std::uint32_t own_processes = 2;

bool write_text(const std::string& path, std::string_view text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written;
}

std::string read_text(const std::string& path) {
  std::string text;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char block[4096];
  for (ssize_t got = 0; (got = read(file, block, sizeof block)) > 0;) text.append(block, static_cast<std::size_t>(got));
  close(file);
  return text;
}

// Where this process stands in a controller's tree: the lines of /proc/self/cgroup read "number:controllers:path".
std::string own_path(std::string_view controller) {
  const std::string lines = read_text("/proc/self/cgroup");
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    const std::string_view line = std::string_view(lines).substr(at, end - at);
    at = end + 1;
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (line.substr(first + 1, second - first - 1) != controller) continue;
    return std::string(line.substr(second + 1)) == "/" ? "" : std::string(line.substr(second + 1));
  }
  return "";
}

// The folder of a new group, or nothing. In a container our own path may not be visible: then the mount's root is our
// place.
std::string make_group(const std::string& root, const std::string& controller, const std::string& name) {
  for (const std::string& place : {root + "/" + controller + own_path(controller), root + "/" + controller}) {
    const std::string folder = place + "/" + name;
    if (mkdir(folder.c_str(), 0755) != 0) continue;
    if (access((folder + "/cgroup.procs").c_str(), W_OK) == 0) return folder;
    rmdir(folder.c_str());
  }
  return "";
}

constexpr std::string_view name_prefix = "leaseback-";

// Whether a group of that name was made by an agent that is gone.
bool is_leftover(std::string_view name) {
  if (!name.starts_with(name_prefix)) return false;
  name.remove_prefix(name_prefix.size());
  pid_t maker = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), maker);
  if (error != std::errc() || end == name.data() + name.size() || *end != '-' || maker <= 0) return false;
  return ::kill(maker, 0) != 0 && errno == ESRCH;
}

std::vector<std::string> leftovers_in(const std::string& place) {
  std::vector<std::string> found;
  DIR* folder = opendir(place.c_str());
  if (folder == nullptr) return found;
  while (const dirent* entry = readdir(folder)) {
    if (is_leftover(entry->d_name)) found.push_back(place + "/" + entry->d_name);
  }
  closedir(folder);
  return found;
}

std::vector<pid_t> processes_in(const std::string& group) {
  std::vector<pid_t> found;
  const std::string text = read_text(group + "/cgroup.procs");
  for (const char* at = text.data(); at < text.data() + text.size();) {
    pid_t process = 0;
    const auto [next, error] = std::from_chars(at, text.data() + text.size(), process);
    if (error != std::errc()) break;
    found.push_back(process);
    at = next + 1;
  }
  return found;
}

}  // namespace

std::string ControlGroup::name_of(std::uint64_t number) {
  return std::string(name_prefix) + std::to_string(getpid()) + "-" + std::to_string(number);
}

void ControlGroup::end_leftovers(const std::string& root) {
  for (const char* controller : {"pids", "freezer", "memory"}) {
    const std::string all = root + "/" + controller;
    for (const std::string& place : {all + own_path(controller), all}) {
      for (const std::string& group : leftovers_in(place)) {
        for (const pid_t process : processes_in(group)) ::kill(process, SIGKILL);
        write_text(group + "/freezer.state", "THAWED");
        rmdir(group.c_str());
      }
    }
  }
}

GroupAbilities ControlGroup::try_out(const std::string& root) {
  const std::string name = "leaseback-try-" + std::to_string(getpid());
  ControlGroup group(root, {.memory = true, .pids = true, .freezer = true}, name, TaskLimits{});
  const GroupAbilities found{
      .memory = !group.memory_.empty(), .pids = !group.pids_.empty(), .freezer = !group.freezer_.empty()};
  group.remove();
  return found;
}

ControlGroup::ControlGroup(const std::string& root, GroupAbilities abilities, const std::string& name,
                           const TaskLimits& limits) {
  const auto bounded = [&](const std::string& controller, const char* file, std::uint64_t limit) {
    std::string folder = make_group(root, controller, name);
    if (!folder.empty() && !write_text(folder + "/" + file, std::to_string(limit))) {
      rmdir(folder.c_str());
      folder.clear();
    }
    return folder;
  };
  if (abilities.memory) {
    memory_ = bounded("memory", "memory.limit_in_bytes", limits.memory.count);
    // Where swap is not accounted the file is missing, and memory alone is bounded.
    if (!memory_.empty()) write_text(memory_ + "/memory.memsw.limit_in_bytes", std::to_string(limits.memory.count));
  }
  if (abilities.pids) pids_ = bounded("pids", "pids.max", limits.processes + own_processes);
  if (abilities.freezer) freezer_ = make_group(root, "freezer", name);
}

void ControlGroup::remove() {
  for (std::string* folder : {&memory_, &pids_, &freezer_}) {
    if (!folder->empty()) rmdir(folder->c_str());
    folder->clear();
  }
}

std::vector<std::string> ControlGroup::entrances() const {
  std::vector<std::string> files;
  for (const std::string* folder : {&memory_, &pids_, &freezer_}) {
    if (!folder->empty()) files.push_back(*folder + "/cgroup.procs");
  }
  return files;
}

void ControlGroup::freeze() const {
  if (can_freeze()) write_text(freezer_ + "/freezer.state", "FROZEN");
}

void ControlGroup::thaw() const {
  if (can_freeze()) write_text(freezer_ + "/freezer.state", "THAWED");
}

void ControlGroup::kill_all() const {
  for (const std::string* folder : {&pids_, &freezer_, &memory_}) {
    if (folder->empty()) continue;
    for (const pid_t process : processes_in(*folder)) ::kill(process, SIGKILL);
    break;
  }
  thaw();
}

bool ControlGroup::ran_out_of_memory() const {
  if (memory_.empty()) return false;
  const std::string text = read_text(memory_ + "/memory.oom_control");
  const std::size_t at = text.find("oom_kill ");
  return at != std::string::npos && text.compare(at, 10, "oom_kill 0") != 0;
}

}  // namespace agent::sandbox
