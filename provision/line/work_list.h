// Which order goes onto which disk: from a list that people write, or by the names of the disks. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"

namespace provision::line {
using namespace policies::vocabulary;

inline constexpr std::size_t work_list_max = 1000;

struct WorkItem {
  std::string order;    // path of the order's file
  std::string disk;     // path, or for a block device its serial or WWN
  std::string confirm;  // for a block device: its path, serial or WWN once more; else empty
  bool operator==(const WorkItem&) const = default;
};

// A YAML file, read strictly:
//
//   disks:
//     - {order: orders/home-alice.yaml, disk: /dev/sdb, confirm: S3Z9NB0K}
//     - {order: orders/home-bob.yaml, disk: images/bob.img}
//
// Paths without a leading '/' are taken from `folder`, the one that the file is in; a disk that is a plain word is a serial or WWN.
// Errors name file, line and column; an order or a disk named twice is one.
Result<std::vector<WorkItem>> work_list_from(std::string_view text, const std::string& file, const std::string& folder);

struct OrderFile {
  std::string path;
  std::string order;
  std::string serial;  // of the machine
};

struct DiskFile {
  std::string path;
  std::string serial;  // of the drive; empty for an image file
  std::string wwn;
};

struct Matched {
  std::vector<WorkItem> items;               // by the order's path
  std::vector<std::string> disks_left;       // paths for which there is no order: nothing is done with them
};

// A disk is an order's when its file name without its ending, its serial or its WWN is the serial of the order's machine or the
// order's name. InvalidInput, naming all of them, when an order has no disk or more than one, or two orders are for one machine.
Result<Matched> matched(const std::vector<OrderFile>& orders, const std::vector<DiskFile>& disks);

}  // namespace provision::line
