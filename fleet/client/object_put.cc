#include <boost/json.hpp>
#include <ostream>

#include "fleet/client/commands.h"
#include "fleet/client/facts.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Range;
using policies::command_line::Streams;

constexpr Duration ask_every{500};

struct PutOptions {
  HomeOptions where;
  std::string file;
  std::string name;
  std::string content_type = "application/octet-stream";
  std::int64_t data_shards = 2;
  std::int64_t total_shards = 3;
  bool wait = false;
  Duration wait_max{600'000};
  bool json = false;
};

Result<ExitCode> put(const Ports& ports, const PutOptions& options, Streams& streams) {
  Result<Conversation> opened = converse(ports, options.where);
  if (!opened) return opened.error();
  const Result<std::string> content = ports.files.read(options.file, objects::content_max);
  if (!content) return content.error().within("reading " + options.file);
  PutRequest request;
  request.name = options.name.empty() ? options.file.substr(options.file.rfind('/') + 1) : options.name;
  request.content_type = options.content_type;
  request.code = {static_cast<std::size_t>(options.data_shards), static_cast<std::size_t>(options.total_shards)};
  request.now = opened->clock->now();
  Result<ObjectRecord> record = put_object(*opened->home, *opened->client, *content, request, progress_on(streams.err));
  if (!record) return record.error();
  Result<objects::Facts> facts = objects::open_facts(record->object, record->sealed_facts, opened->home->sealing_secret());
  if (!facts) return facts.error();
  bool stored = true;
  if (options.wait) {
    Result<ObjectRecord> waited = wait_until_stored(*opened->client, record->object, static_cast<std::size_t>(options.wait_max / ask_every) + 1, ask_every, ports.pause);
    if (waited)
      record = std::move(waited);
    else if (waited.error().code == ErrorCode::Unavailable)
      stored = false;
    else
      return waited.error();
    if (!stored) streams.err << "leaseback: " << waited.error().text() << "\n";
  }
  print(OwnObject{*std::move(record), *std::move(facts)}, form_of(options.json), streams);
  return stored ? ExitCode::Done : ExitCode::PartlyDone;
}

}  // namespace

policies::command_line::Command object_put(const Ports& ports) {
  return policies::command_line::command<PutOptions>(
      {"object", "put", "seal a file and store it on leased machines",
       "Seals the file here, so that neither the controller nor the machines can read it or its name, cuts it into shards of which some suffice, and stores "
       "each on the machine of another owner. A put that was cut is finished by running it again. At most 64 MiB.\n\n"
       "When it returns, the controller has the object safely; with --wait, enough machines have it too.",
       {"leaseback object put letter.pdf --wait", "leaseback object put backup.tar --name monday --data-shards 4 --total-shards 6"},
       {{ExitCode::PartlyDone, "with --wait: the controller has it, enough machines do not yet"}}},
      [&ports](PutOptions& options, OptionList& list) {
        list.word("FILE", options.file, "what to store");
        list.optional("name", "NAME", options.name, "name of the object; else that of the file");
        list.optional("content-type", "TYPE", options.content_type, "what it is, for whoever gets it");
        list.optional("data-shards", "N", options.data_shards, Range{1, 64}, "how many shards suffice to read it");
        list.optional("total-shards", "N", options.total_shards, Range{1, 64}, "how many shards there are, each with another owner");
        list.flag("wait", options.wait, "return only when enough machines have it");
        list.optional("wait-max", "TIME", options.wait_max, "how long --wait waits");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const PutOptions& options, Streams& streams) { return put(ports, options, streams); },
      [](const PutOptions& options) -> Done {
        return objects::check({static_cast<std::size_t>(options.data_shards), static_cast<std::size_t>(options.total_shards)});
      });
}

}  // namespace fleet::client
