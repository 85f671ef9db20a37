// The routes /dlnms/... of Orthanc's HTTP server.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "score_job.hpp"

namespace dlnms_orthanc {

// Registers the routes. `plugin` outlives Orthanc's HTTP server.
void register_routes(Plugin& plugin);

} // namespace dlnms_orthanc
