// links: fleet_client
#include <cstdint>
#include <string_view>

#include "fleet/client/job_file.h"
#include "fleet/client/records.h"

// What a client reads that others wrote: a controller's answers, a job file, a program to be sent.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace fleet::client;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  (void)account_from(input);
  (void)object_from(input);
  (void)objects_from(input);
  (void)retrieval_from(input);
  (void)job_from(input);
  (void)jobs_from(input);
  (void)tasks_from(input);
  (void)error_from(500, input);
  (void)check_executable(input);
  (void)agent::link::endpoint_from(input);
  if (const auto job = job_file_from(input, "job.yaml")) (void)body_of(job->request);
  return 0;
}
