#include "provision/run/leave_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "agent/contract/install_paths.h"
#include "provision/install/installed_paths.h"
#include "provision/install/system_tree.h"

namespace provision::run {
namespace {

namespace contract = agent::contract;
using disk::NodeKind;

// Ours by its name (installed_paths.h), like everything that it lists.
constexpr const char* remainder_list = "/usr/lib/tmpfiles.d/leaseback.conf";
constexpr Bytes status_max = kibibytes(256);
constexpr Bytes paper_max = mebibytes(4);

std::string in_state(std::string_view name) { return fmt::format("{}/{}", contract::state_folder, name); }

Result<bool> is_released(disk::FileTree& machine) {
  const auto text = machine.read_file(in_state(contract::status_name), status_max);
  if (!text) return text.error().code == ErrorCode::NotFound ? Result<bool>(false) : Result<bool>(text.error());
  boost::json::error_code problem;
  const boost::json::value status = boost::json::parse(*text, problem);
  if (problem || !status.is_object())
    return Error{ErrorCode::Corrupt, fmt::format("{} is no JSON object; start the agent again, it writes another", in_state(contract::status_name)), {}};
  const boost::json::value* state = status.get_object().if_contains("state");
  return state != nullptr && state->is_string() && state->get_string() == "released";
}

Done keep_papers(disk::FileTree& machine, images::files::Files& files, const std::string& folder) {
  const auto papers = machine.list(in_state("owner"));
  if (!papers) return papers.error().code == ErrorCode::NotFound ? Done() : Done(papers.error());
  if (Done made = files.make_directory(folder, images::files::Access::Everyone); !made) return made;
  for (const disk::Node& paper : *papers) {
    if (paper.kind != NodeKind::File) continue;
    const auto text = machine.read_file(in_state("owner/" + paper.name), paper_max);
    if (!text) return text.error();
    if (Done kept = files.replace(folder + "/" + paper.name, *text, images::files::Access::Everyone); !kept) return kept;
  }
  return {};
}

// tmpfiles.d(5): "R!" removes with all that is in it, at boot only.
std::string list_of(const std::vector<std::string>& paths) {
  std::string text = "# What is left of the agent, which has left this machine.\n";
  for (const std::string& path : paths) text += fmt::format("R! {}\n", path);
  return text + fmt::format("r! {}\n", remainder_list);
}

// Folders that the installation made, when nothing else came into them; deepest first.
Done remove_empty(disk::FileTree& machine, std::vector<std::string> folders) {
  std::sort(folders.begin(), folders.end(), std::greater<>());
  for (const std::string& folder : folders) {
    const auto nodes = machine.list(folder);
    if (!nodes || !nodes->empty()) continue;
    if (const auto removed = machine.remove(folder); !removed) return removed.error();
  }
  return {};
}

}  // namespace

Result<LeaveReport> leave_machine(disk::FileTree& machine, images::files::Files& files, const std::string& root, const std::string& release_folder) {
  const auto released = is_released(machine);
  if (!released) return released.error();
  LeaveReport report;
  if (!*released) return report;
  report.due = true;
  if (Done kept = keep_papers(machine, files, root + release_folder + "/owner"); !kept) return kept.error().within("keeping the owner's papers");
  install::InstallationMarker marker;
  if (const auto text = machine.read_file(in_state(install::marker_name), mebibytes(1))) {
    auto read = install::marker_from(*text);
    if (read) marker = std::move(*read);  // one that cannot be read costs a few empty folders, no more
  }
  auto ours = install::ours_in(machine);
  if (!ours) return ours.error();
  std::erase(*ours, remainder_list);
  if (Done made = files.make_directory(root + "/usr/lib/tmpfiles.d", images::files::Access::Everyone); !made) return made.error();
  if (Done listed = files.replace(root + remainder_list, list_of(*ours), images::files::Access::Everyone); !listed) return listed.error();
  for (const std::string& path : *ours) {
    if (const auto removed = machine.remove(path); !removed) return removed.error().within("removing " + path);
    report.removed.push_back(path);
  }
  if (Done removed = remove_empty(machine, marker.made_folders); !removed) return removed.error();
  if (Done durable = machine.commit(); !durable) return durable.error();
  if (const auto removed = machine.remove(remainder_list); !removed) return removed.error();
  if (Done durable = machine.commit(); !durable) return durable.error();
  return report;
}

}  // namespace provision::run
