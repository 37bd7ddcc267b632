// The port to the runs that work side by side, one child process for each disk (decisions/0001-one-process-for-a-disk.md), and the
// real one.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace provision::line {
using namespace policies::vocabulary;

struct CrewWord {
  enum class Kind { Silence, Line, Gone };
  Kind kind = Kind::Silence;
  std::size_t disk = 0;
  std::string line;      // Line: without its newline, at most crew_line_max bytes; what is longer is cut
  int exit_status = 0;   // Gone; 128 + signal when it was killed
  std::string errors;    // Gone: the last of what it said on standard error, at most crew_errors_max bytes
};

inline constexpr std::size_t crew_line_max = 128 * 1024;
inline constexpr std::size_t crew_errors_max = 2048;

class Crew {
 public:
  virtual ~Crew() = default;
  // Begins the work on a disk; each disk has one run at a time.
  virtual Done start(std::size_t disk, const std::vector<std::string>& arguments) = 0;
  // What one of them says next, or Silence after `patience`. Gone comes after its last line.
  virtual Result<CrewWord> listen(Duration patience) = 0;
};

// Child processes of one program. They die with this process: a line that was cut leaves nobody at work.
class ChildCrew final : public Crew {
 public:
  explicit ChildCrew(std::string program) : program_(std::move(program)) {}
  ChildCrew(const ChildCrew&) = delete;
  ChildCrew& operator=(const ChildCrew&) = delete;
  ~ChildCrew() override;  // kills who is still at work

  Done start(std::size_t disk, const std::vector<std::string>& arguments) override;
  Result<CrewWord> listen(Duration patience) override;

 private:
  struct Worker {
    pid_t process = -1;
    int output = -1;
    int errors = -1;
    std::string said;
    std::string complained;
  };
  bool whole_line(std::size_t disk, Worker& worker, CrewWord& word);
  CrewWord buried(std::size_t disk);

  std::string program_;
  std::map<std::size_t, Worker> workers_;
};

}  // namespace provision::line
