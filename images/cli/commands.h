// leaseback-image: what an image and release engineer does with keys and bundles.
#pragma once

#include "images/files/files.h"
#include "policies/command_line/command.h"

namespace images::cli {
using namespace policies::vocabulary;
namespace command_line = policies::command_line;

// What the commands need of the outside, made by main.cc; must outlive the Program.
struct Ports {
  files::Files& files;
};

command_line::Program image_program(const Ports& ports);

command_line::Command key_make_command(const Ports& ports);
command_line::Command key_show_command(const Ports& ports);
command_line::Command bundle_pack_command(const Ports& ports);
command_line::Command bundle_sign_command(const Ports& ports);
command_line::Command bundle_verify_command(const Ports& ports);
command_line::Command bundle_list_command(const Ports& ports);

}  // namespace images::cli
