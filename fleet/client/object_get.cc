#include <boost/json.hpp>
#include <ostream>

#include "fleet/client/commands.h"
#include "fleet/client/facts.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

constexpr Duration ask_every{500};

struct GetOptions {
  HomeOptions where;
  std::string object;
  std::string out;
  Duration wait_max{600'000};
  bool json = false;
};

}  // namespace

policies::command_line::Command object_get(const Ports& ports) {
  return policies::command_line::command<GetOptions>(
      {"object", "get", "fetch an object and open it",
       "Fetches as many shards as suffice from whichever machines are there, opens them here and checks the content against the digest that was sealed with it. "
       "Shards come when their machines call, so it may take a while; of several objects of one name, the newest is fetched.",
       {"leaseback object get letter.pdf --out letter.pdf"},
       {}},
      [&ports](GetOptions& options, OptionList& list) {
        list.word("NAME|ID", options.object, "which object");
        list.required("out", "FILE", options.out, "where to write it; an existing file is replaced as a whole");
        list.optional("wait-max", "TIME", options.wait_max, "how long to wait for machines");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const GetOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<OwnObject> object = find_object(*opened->home, *opened->client, options.object);
        if (!object) return object.error();
        const Result<std::string> content = get_object(*opened->home, *opened->client, *object, static_cast<std::size_t>(options.wait_max / ask_every) + 1,
                                                       ask_every, ports.pause, progress_on(streams.err));
        if (!content) return content.error();
        if (const Done written = ports.files.replace(options.out, *content, images::files::Access::OwnerOnly); !written)
          return written.error().within("writing " + options.out);
        print(*object, form_of(options.json), streams);
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
