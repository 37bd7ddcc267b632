#include "agent/sandbox/bubblewrap_command.h"

namespace agent::sandbox {
namespace {

constexpr std::uint64_t checkpoint_head = 32;

using Words = std::vector<std::string>;

void add(Words& words, std::initializer_list<std::string> more) { words.insert(words.end(), more); }

Words walls(const std::string& bwrap) {
  return {bwrap,           "--unshare-all", "--die-with-parent",
          "--new-session", "--cap-drop",    "ALL",
          "--uid",         "65534",         "--gid",
          "65534",         "--hostname",    "leased",
          "--clearenv",    "--setenv",      "HOME",
          "/task/scratch", "--setenv",      "TMPDIR",
          "/task/scratch", "--setenv",      "LANG",
          "C.UTF-8"};
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Error invalid(const TaskSpec& spec, std::string what) {
  return Error{ErrorCode::InvalidInput, std::move(what), {"reading the task of assignment " + spec.assignment.text}};
}

}  // namespace

Bytes file_size_max(const TaskLimits& limits) {
  return Bytes{std::max({limits.result.count, limits.scratch.count, mebibytes(1).count}) + checkpoint_head};
}

Done check(const TaskSpec& spec) {
  bool entry_found = false;
  for (const TaskElement& element : spec.elements) {
    if (!is_file_name(element.name)) return invalid(spec, "an element's name is no file name");
    entry_found = entry_found || (element.name == spec.entry && element.executable);
  }
  if (!entry_found) return invalid(spec, "its entry \"" + spec.entry + "\" is none of its executable elements");
  if (spec.limits.scratch.count == 0) return invalid(spec, "scratch space of 0 would be without limit");
  for (const std::string& argument : spec.arguments) {
    if (argument.find('\0') != std::string::npos) return invalid(spec, "an argument holds a zero byte");
  }
  return {};
}

Words bubblewrap_command(const std::string& bwrap, const TaskSpec& spec, Bytes shared_memory) {
  Words words = walls(bwrap);
  const auto bind = [&](const char* how, const std::string& from, const std::string& to) {
    add(words, {how, from, to});
  };
  const std::string own = spec.folder + "/";
  add(words, {"--dir", "/task", "--dir", "/task/elements"});
  bind("--ro-bind", own + parameters_file, "/task/parameters.json");
  bind("--ro-bind", own + control_file, "/task/control");
  for (const TaskElement& element : spec.elements) bind("--ro-bind", element.path, "/task/elements/" + element.name);
  bind("--bind", own + result_file, "/task/result");
  for (const char* slot : checkpoint_files) bind("--bind", own + slot, std::string("/task/") + slot);
  add(words, {"--size", std::to_string(spec.limits.scratch.count), "--tmpfs", "/task/scratch", "--proc", "/proc",
              "--dev", "/dev"});
  // Plain --dev leaves /dev/shm and /dev itself without a limit; the root is a tmpfs too.
  add(words, {"--size", std::to_string(shared_memory.count), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
              "--remount-ro", "/"});
  add(words, {"--chdir", "/task/scratch", "--seccomp", std::to_string(seccomp_descriptor), "--json-status-fd",
              std::to_string(status_descriptor)});
  add(words, {"--", "/task/elements/" + spec.entry});
  words.insert(words.end(), spec.arguments.begin(), spec.arguments.end());
  return words;
}

Words bubblewrap_trial(const std::string& bwrap, const std::string& program) {
  Words words = walls(bwrap);
  add(words, {"--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--size", "65536", "--tmpfs", "/dev/shm",
              "--remount-ro", "/dev"});
  add(words, {"--seccomp", std::to_string(seccomp_descriptor), "--json-status-fd", std::to_string(status_descriptor),
              "--", program});
  return words;
}

}  // namespace agent::sandbox
