// `job stop`, `job resume` and `job remove`: one request and the job as it then is.
#include "fleet/client/commands.h"
#include "fleet/client/facts.h"

namespace fleet::client {
namespace {

using policies::command_line::Command;
using policies::command_line::ExitCode;
using policies::command_line::Explanation;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct ControlOptions {
  HomeOptions where;
  std::string job;
  bool json = false;
};

Command control(const Ports& ports, Explanation explanation, Result<JobRecord> (Client::*act)(const JobId&)) {
  return policies::command_line::command<ControlOptions>(
      std::move(explanation),
      [&ports](ControlOptions& options, OptionList& list) {
        list.word("ID", options.job, "which job");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports, act](const ControlOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<JobRecord> record = ((*opened->client).*act)(JobId(options.job));
        if (!record) return record.error();
        print(*record, form_of(options.json), streams);
        return ExitCode::Done;
      });
}

}  // namespace

Command job_stop(const Ports& ports) {
  return control(ports,
                 {"job", "stop", "stop a job's tasks for now", "Tasks that run are stopped, tasks that wait go on waiting; results stay. `job resume` goes on.", {"leaseback job stop 12"}, {}},
                 &Client::stop);
}

Command job_resume(const Ports& ports) {
  return control(ports, {"job", "resume", "go on with a stopped job", "Tasks without a result are given to machines again.", {"leaseback job resume 12"}, {}}, &Client::resume);
}

Command job_remove(const Ports& ports) {
  return control(ports,
                 {"job", "remove", "end a job and delete its results", "Tasks that run are stopped; elements and results are deleted. What was done is still owed.", {"leaseback job remove 12"}, {}},
                 &Client::remove);
}

}  // namespace fleet::client
