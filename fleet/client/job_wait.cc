#include <ostream>

#include "fleet/client/commands.h"
#include "fleet/client/facts.h"
#include "fleet/client/jobs.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

constexpr Duration ask_every{500};

struct WaitOptions {
  HomeOptions where;
  std::string job;
  Duration wait_max{86'400'000};
  bool json = false;
};

}  // namespace

policies::command_line::Command job_wait(const Ports& ports) {
  return policies::command_line::command<WaitOptions>(
      {"job", "wait", "wait until a job is over",
       "Waits until all tasks are done and prints the job. A script may go on with `job results` when it ends with 0.",
       {"leaseback job wait 12 && leaseback job results 12 --into results"},
       {{ExitCode::Failed, "failed, or the job ended without all its results"}, {ExitCode::PartlyDone, "the job is still going on after --wait-max"}}},
      [&ports](WaitOptions& options, OptionList& list) {
        list.word("ID", options.job, "which job");
        list.optional("wait-max", "TIME", options.wait_max, "how long to wait");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const WaitOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        std::uint64_t told = 0;
        const auto asks = static_cast<std::size_t>(options.wait_max / ask_every) + 1;
        const Result<JobRecord> record = wait_until_over(*opened->client, JobId(options.job), asks, ask_every, ports.pause, [&](const JobRecord& seen) {
          // A line for each tenth of the way is enough for a log.
          const std::uint64_t tenths = seen.tasks() == 0 ? 0 : seen.done * 10 / seen.tasks();
          if (tenths > told) streams.err << "leaseback: " << line_of(seen) << std::endl;
          told = std::max(told, tenths);
        });
        if (!record) return record.error();
        print(*record, form_of(options.json), streams);
        if (!record->over()) return ExitCode::PartlyDone;
        return record->state == "done" ? ExitCode::Done : ExitCode::Failed;
      });
}

}  // namespace fleet::client
