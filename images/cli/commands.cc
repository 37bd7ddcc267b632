#include "images/cli/commands.h"

namespace images::cli {

command_line::Program image_program(const Ports& ports) {
  return {.name = "leaseback-image",
          .summary = "keys, and the bundles of software that they vouch for; for image and release engineers",
          .commands = {key_make_command(ports), key_show_command(ports), bundle_pack_command(ports),
                       bundle_sign_command(ports), bundle_verify_command(ports), bundle_list_command(ports)}};
}

}  // namespace images::cli
