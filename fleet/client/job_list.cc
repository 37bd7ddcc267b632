#include "fleet/client/commands.h"
#include "fleet/client/facts.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct ListOptions {
  HomeOptions where;
  bool json = false;
};

}  // namespace

policies::command_line::Command job_list(const Ports& ports) {
  return policies::command_line::command<ListOptions>(
      {"job", "list", "list this client's jobs", "Lists the jobs with their progress and what each has cost so far.", {"leaseback job list"}, {}},
      [&ports](ListOptions& options, OptionList& list) {
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const ListOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<std::vector<JobRecord>> jobs = opened->client->jobs();
        if (!jobs) return jobs.error();
        print(*jobs, form_of(options.json), streams);
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
