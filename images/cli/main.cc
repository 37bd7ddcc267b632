#include <iostream>

#include "images/cli/commands.h"
#include "images/files/posix_files.h"

int main(int argc, char** argv) {
  images::files::PosixFiles files;
  const images::cli::Ports ports{files};
  return policies::command_line::run_program(images::cli::image_program(ports), argc, argv, std::cout, std::cerr);
}
