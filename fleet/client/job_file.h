// What a job is, as people write it: a YAML file, read strictly. An example that explains each key is
// agent/runtime/examples/mandelbrot/job.yaml.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fleet/client/client.h"

namespace fleet::client {
using namespace policies::vocabulary;

inline constexpr std::size_t tasks_max = 100'000;
inline constexpr Bytes element_max = mebibytes(64);

struct JobFileElement {
  std::string name;
  std::string file;  // as written
  bool executable = false;
};

// The job with its elements still files: digest and size of request.elements are filled by whoever reads them (jobs.h).
struct JobFile {
  JobRequest request;  // without elements
  std::vector<JobFileElement> elements;
};

// All errors of the file at once, each as `file:line:column: text`.
Result<JobFile> job_file_from(std::string_view text, const std::string& file);

// A sandbox holds nothing but the job's elements, so an executable must bring its libraries with it. InvalidInput, with the way
// out, when `bytes` are not a static x86-64 ELF program.
Done check_executable(std::string_view bytes);

}  // namespace fleet::client
