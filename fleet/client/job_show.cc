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

constexpr std::size_t failures_shown = 3;

struct ShowOptions {
  HomeOptions where;
  std::string job;
  bool watch = false;
  bool json = false;
};

// Why the first few failed tasks failed.
Done tell_failures(Client& client, const JobId& job, std::ostream& err) {
  std::size_t told = 0;
  for (std::optional<std::uint64_t> from = 0; from && told < failures_shown;) {
    const Result<TaskPage> page = client.tasks(job, *from);
    if (!page) return page.error();
    for (const TaskRecord& task : page->tasks)
      if (task.state == "failed" && told++ < failures_shown) err << "leaseback: task " << task.number << " failed: " << task.reason << "\n";
    from = page->next && *page->next > *from ? page->next : std::nullopt;
  }
  return {};
}

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
        if (record->failed > 0)
          if (const Done told = tell_failures(*opened->client, record->job, streams.err); !told) return told.error();
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
