// Jobs from file to results. Submitting may be cut at any moment and is finished by calling it again: the same job under the same
// key, so never two.
#pragma once

#include "fleet/client/client.h"
#include "fleet/client/home.h"
#include "fleet/client/job_file.h"
#include "fleet/client/transfers.h"

namespace fleet::client {
using namespace policies::vocabulary;

// `folders` are searched in turn for the files that the job names (absolute names are taken as they are).
Result<JobRecord> submit_job(const Home& home, Client& client, const JobFile& job, const std::vector<std::string>& folders, const Progress& progress);

// Asks until the job is over, `asks` times at most. The last record in any case; look at over().
Result<JobRecord> wait_until_over(Client& client, const JobId& id, std::size_t asks, Duration between, const Pause& pause,
                                  const std::function<void(const JobRecord&)>& seen);

// Every task, in order: page after page.
Result<std::vector<TaskRecord>> all_tasks(Client& client, const JobId& id);

struct FetchedResults {
  std::uint64_t tasks = 0;
  std::uint64_t fetched = 0;     // by this call
  std::uint64_t kept = 0;        // were there already, with the right bytes
  std::uint64_t missing = 0;     // tasks without a result so far
};

// Every result as <folder>/<task number, six digits>.result. Running it again fetches what is new or damaged.
Result<FetchedResults> fetch_results(Client& client, images::files::Files& files, const JobId& id, const std::string& folder, const Progress& progress);

}  // namespace fleet::client
