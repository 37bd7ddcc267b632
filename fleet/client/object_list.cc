#include <ostream>

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

policies::command_line::Command object_list(const Ports& ports) {
  return policies::command_line::command<ListOptions>(
      {"object", "list", "list what is stored", "Lists this client's objects, oldest first. Names are opened here; the controller does not know them.", {"leaseback object list"}, {}},
      [&ports](ListOptions& options, OptionList& list) {
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const ListOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<OwnObjects> own = own_objects(*opened->home, *opened->client);
        if (!own) return own.error();
        print(own->objects, form_of(options.json), streams);
        if (own->foreign > 0) streams.err << "leaseback: " << own->foreign << " more were sealed with another sealing.key and cannot be read with this one\n";
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
