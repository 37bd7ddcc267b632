// Takes the power away from a whole run: from all that it writes below one folder (disk images, station, machine), itself or
// through programs that it starts. The run is killed at the entry of its n-th writing system call, and what it wrote since the
// last flush is kept or lost: file contents sector by sector, lengths, and names (made, moved, removed) back to what the last
// flush of their directory made sure of.
//
// Writing calls: write, pwrite, writev, pwritev, truncate, fallocate, fsync, fdatasync, msync, open that makes or empties, mkdir,
// rename, link, symlink, unlink, rmdir, chmod. Names are lost in the reverse of the order in which they were given; bytes in any
// order. A file opened for synchronous writing loses, at most, its last write.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tests::machine {

enum class Unsynced { Kept, Dropped, DroppedByChance };

struct PowerCut {
  std::string folder;          // real path of what the run writes to; its sibling `folder`.lost is used and removed
  std::uint64_t at = 0;        // the call that is not made any more, from 1; 0: the power stays on
  Unsynced unsynced = Unsynced::Dropped;
  std::uint64_t seed = 0;
};

struct PowerReport {
  bool traced = false;              // false: this machine does not let a process trace its child
  bool cut = false;                 // false: the run ended before its n-th call; what was not flushed was lost then, if `at` is not 0
  int exit_status = -1;             // of the run, when it was not cut
  std::vector<std::string> calls;   // in order: "pwrite64 disk.img"
  std::vector<std::string> unseen;  // ways of writing that this harness does not follow; a test must find none
};

// `run` is executed in a child process and returns its exit status.
PowerReport run_with_power(const PowerCut& cut, const std::function<int()>& run);

}  // namespace tests::machine
