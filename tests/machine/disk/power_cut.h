// Takes the power away from a run at its n-th write to a disk: the run and all programs it started are killed at the entry
// of that system call, and what they wrote since the last flush is kept or lost sector by sector, as the seed decides.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tests::machine {

struct CutReport {
  bool traced = false;       // false: this machine does not let a process trace its child
  bool cut = false;          // false: the run ended before its n-th write
  std::uint64_t writes = 0;  // writes to the disk that were begun
  int exit_status = -1;      // of the run, when it was not cut
};

enum class Unflushed { Kept, LostByChance };

// `run` is executed in a child process and returns its exit status. `disk` is the image's real path.
CutReport run_until_write(const std::string& disk, std::uint64_t write_number, Unflushed unflushed, std::uint64_t seed,
                          const std::function<int()>& run);

}  // namespace tests::machine
