// Goal: what people and scripts rely on changes only knowingly: every help text of leaseback-fleet and leaseback-fleetd, and every
// default setting of the controller.
// Method: the texts against tests/golden/fleet.
#include <gtest/gtest.h>

#include "fleet/cli/commands.h"
#include "fleet/controller/run_command.h"
#include "fleet/controller/settings.h"
#include "images/files/posix_files.h"
#include "tests/golden/golden.h"

namespace {

TEST(FleetHelp, IsTheFrozenText) {
  images::files::PosixFiles files;
  const policies::vocabulary::SystemClock clock;
  const fleet::cli::Ports ports{files, clock, {}, {}};
  tests::golden::expect_same("fleet/help.txt", policies::command_line::all_help_text(fleet::cli::fleet_program(ports)));
}

TEST(FleetdHelp, IsTheFrozenText) {
  tests::golden::expect_same("fleet/fleetd_help.txt", policies::command_line::all_help_text(fleet::controller::fleetd_program({})));
}

TEST(FleetdSettings, AreTheFrozenDefaults) { tests::golden::expect_same("fleet/settings.txt", fleet::controller::printed({})); }

}  // namespace
