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
  bool tasks = false;
  bool json = false;
};

// Why the first few failed tasks failed.
void tell_failures(const std::vector<TaskRecord>& tasks, std::ostream& err) {
  std::size_t told = 0;
  for (const TaskRecord& task : tasks)
    if (task.state == "failed" && told++ < failures_shown) err << "leaseback: task " << task.number << " failed: " << task.reason << "\n";
}

}  // namespace

policies::command_line::Command job_show(const Ports& ports) {
  return policies::command_line::command<ShowOptions>(
      {"job", "show", "print how far a job is", "Prints tasks, processor time and money spent; with --watch, follows the job until it is over.", {"leaseback job show 12 --watch", "leaseback job show 12 --tasks --json"}, {}},
      [&ports](ShowOptions& options, OptionList& list) {
        list.word("ID", options.job, "which job");
        list.flag("watch", options.watch, "print each change on the standard error, until the job is over");
        list.flag("tasks", options.tasks, "each task too, with its copies and their results");
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
        Result<std::vector<TaskRecord>> tasks = std::vector<TaskRecord>();
        if (options.tasks || record->failed > 0) tasks = all_tasks(*opened->client, record->job);
        if (!tasks) return tasks.error();
        if (options.tasks)
          print(*record, *tasks, form_of(options.json), streams);
        else
          print(*record, form_of(options.json), streams);
        tell_failures(*tasks, streams.err);
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
