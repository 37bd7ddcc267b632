#include <boost/json.hpp>
#include <ostream>

#include "fleet/client/commands.h"
#include "fleet/client/jobs.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct ResultsOptions {
  HomeOptions where;
  std::string job;
  std::string into;
  bool json = false;
};

}  // namespace

policies::command_line::Command job_results(const Ports& ports) {
  return policies::command_line::command<ResultsOptions>(
      {"job", "results", "fetch a job's results",
       "Writes the result of each task that has one to DIR/NUMBER.result and checks its digest. What is there already is kept, so a cut call is finished by "
       "running it again, and a running job's results can be fetched as they come.",
       {"leaseback job results 12 --into results"},
       {{ExitCode::PartlyDone, "some tasks have no result yet: run it again later"}}},
      [&ports](ResultsOptions& options, OptionList& list) {
        list.word("ID", options.job, "which job");
        list.required("into", "DIR", options.into, "folder for the results");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const ResultsOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<FetchedResults> results = fetch_results(*opened->client, ports.files, JobId(options.job), options.into, progress_on(streams.err));
        if (!results) return results.error();
        if (options.json)
          streams.out << boost::json::serialize(boost::json::object{{"job", options.job}, {"into", options.into}, {"tasks", results->tasks},
                                                                    {"fetched", results->fetched}, {"kept", results->kept}, {"missing", results->missing}})
                      << "\n";
        else
          streams.out << results->fetched << " results fetched, " << results->kept << " were there, " << results->missing << " of " << results->tasks
                      << " tasks have none yet\n";
        return results->missing == 0 ? ExitCode::Done : ExitCode::PartlyDone;
      });
}

}  // namespace fleet::client
