// Takes what provisioning installed off a machine that runs, once its lease partition was given back and the controller has the
// receipt. The owner's papers (consent, receipt) stay with the journal of the release.
#pragma once

#include <string>
#include <vector>

#include "images/files/files.h"
#include "provision/disk/file_tree.h"

namespace provision::run {
using namespace policies::vocabulary;

struct LeaveReport {
  bool due = false;                  // false: the agent is not released yet, and nothing was touched
  std::vector<std::string> removed;  // topmost paths
};

// `machine`: the files of the machine, below `root` ("" for this one). `release_folder`: absolute, below `root` as well; papers are
// copied there. Cut anywhere, systemd-tmpfiles takes the rest away at the next boot: its list is written first and goes last.
Result<LeaveReport> leave_machine(disk::FileTree& machine, images::files::Files& files, const std::string& root, const std::string& release_folder);

}  // namespace provision::run
