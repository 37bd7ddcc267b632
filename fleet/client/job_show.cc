#include <ostream>

#include "fleet/client/commands.h"
#include "fleet/client/facts.h"
#include "fleet/client/jobs.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

constexpr Duration ask_every{1'000};

struct ShowOptions {
  HomeOptions where;
  std::string job;
  bool watch = false;
  bool json = false;
};

}  // namespace

policies::command_line::Command job_show(const Ports& ports) {
  return policies::command_line::command<ShowOptions>(
      {"job", "show", "print how far a job is", "Prints tasks, processor time and money spent; with --watch, follows the job until it is over.", {"leaseback job show 12 --watch"}, {}},
      [&ports](ShowOptions& options, OptionList& list) {
        list.word("ID", options.job, "which job");
        list.flag("watch", options.watch, "print each change on the standard error, until the job is over");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const ShowOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        std::string last;
        const Result<JobRecord> record =
            wait_until_over(*opened->client, JobId(options.job), options.watch ? SIZE_MAX : 1, ask_every, ports.pause, [&](const JobRecord& seen) {
              if (options.watch && line_of(seen) != last) streams.err << "leaseback: " << (last = line_of(seen)) << std::endl;
            });
        if (!record) return record.error();
        print(*record, form_of(options.json), streams);
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
