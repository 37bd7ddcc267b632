#include "fleet/client/commands.h"
#include "fleet/client/facts.h"
#include "fleet/client/job_file.h"
#include "fleet/client/jobs.h"
#include "policies/loading/strict_yaml.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct SubmitOptions {
  HomeOptions where;
  std::string file;
  std::vector<std::string> folders;
  bool json = false;
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

policies::command_line::Command job_submit(const Ports& ports) {
  return policies::command_line::command<SubmitOptions>(
      {"job", "submit", "send a job to leased machines",
       "Reads the job from a YAML file, sends its executable and data files, and starts it. The executable must be static: the sandbox holds nothing but the "
       "job's own files. A submit that was cut is finished by running it again; after it has finished, running it again makes a second job. What each "
       "key of the file means stands in agent/runtime/examples/mandelbrot/job.yaml.",
       {"leaseback job submit mandelbrot/job.yaml --files build/dev/bin"},
       {}},
      [&ports](SubmitOptions& options, OptionList& list) {
        list.word("JOB.yaml", options.file, "the job");
        list.repeated("files", "DIR", options.folders, "look for the job's files here first, then beside JOB.yaml");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const SubmitOptions& options, Streams& streams) -> Result<ExitCode> {
        const Result<std::string> text = ports.files.read(options.file, Bytes{policies::loading::yaml_size_max});
        if (!text) return text.error().within("reading " + options.file);
        const Result<JobFile> job = job_file_from(*text, options.file);
        if (!job) return job.error();
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        std::vector<std::string> folders = options.folders;
        folders.push_back(folder_of(options.file));
        const Result<JobRecord> record = submit_job(*opened->home, *opened->client, *job, folders, progress_on(streams.err));
        if (!record) return record.error();
        print(*record, form_of(options.json), streams);
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
