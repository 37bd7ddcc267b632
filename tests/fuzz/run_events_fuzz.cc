// links: provision_line
#include <string>

#include "provision/line/work_list.h"
#include "provision/run/run_events.h"

// An event that is read reads back from its own text; a list of work never names a disk twice.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace provision;
  using policies::vocabulary::invariant;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto event = run::run_event_from(text);
  if (event) {
    const auto again = run::run_event_from(run::text_of(*event));
    invariant(again && again->kind == event->kind && again->done == event->done, "an event reads back");
  }
  const auto list = line::work_list_from(text, "list.yaml", "folder");
  if (list)
    for (std::size_t i = 1; i < list->size(); ++i) invariant((*list)[i].disk != (*list)[i - 1].disk, "a disk is named once");
  return 0;
}
