#include "provision/cli/machine_options.h"

#include <ostream>

#include "provision/hardware/comparison.h"
#include "provision/hardware/sysfs_machine.h"

namespace provision::cli {

Done check_machine(const std::string& root, const order::Work& work, const Ports& ports, command_line::Streams& streams) {
  hardware::SysfsMachine machine(ports.files, root);
  const auto facts = machine.read();
  if (!facts) return facts.error();
  const auto found = hardware::differences(work, *facts);
  for (const hardware::Difference& difference : found)
    if (difference.weight == hardware::Weight::Note) streams.err << "note: " << hardware::text_of(difference) << "\n";
  return hardware::check_fits(work, found);
}

}  // namespace provision::cli
