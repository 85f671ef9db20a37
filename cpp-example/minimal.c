/* The smallest C99 host: voxels it made itself, scored through the C ABI.
 *
 *     minimal BUNDLE [ONNXRUNTIME]
 *
 * Research use only. */

#include <stdio.h>
#include <stdlib.h>

#include "dlnms.h"

enum { CT_SIDE = 160, PET_SIDE = 80 };

/* Say why and end: a real host would show the message and go on. */
static int fail(const char *what, dlnms_error *error) {
    fprintf(stderr, "%s: %s (status %d)\n", what, dlnms_error_message(error), (int)dlnms_error_status(error));
    dlnms_error_free(error);
    return EXIT_FAILURE;
}

/* A ball of 15 mm radius in the middle of a cube. */
static int in_ball(int i, int j, int k, int side, double spacing) {
    double middle = (side - 1) / 2.0;
    double x = (i - middle) * spacing, y = (j - middle) * spacing, z = (k - middle) * spacing;
    return x * x + y * y + z * z < 15.0 * 15.0;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s BUNDLE [ONNXRUNTIME]\n", argv[0]);
        return 2;
    }
    if (dlnms_abi_version() != DLNMS_ABI_VERSION) {
        fprintf(stderr, "header and library do not fit\n");
        return EXIT_FAILURE;
    }
    int16_t *ct_voxels = malloc(sizeof *ct_voxels * CT_SIDE * CT_SIDE * CT_SIDE);
    float *pet_voxels = malloc(sizeof *pet_voxels * PET_SIDE * PET_SIDE * PET_SIDE);
    if (!ct_voxels || !pet_voxels) return EXIT_FAILURE;
    for (int k = 0; k < CT_SIDE; ++k)
        for (int j = 0; j < CT_SIDE; ++j)
            for (int i = 0; i < CT_SIDE; ++i)
                ct_voxels[(k * CT_SIDE + j) * CT_SIDE + i] = (int16_t)(in_ball(i, j, k, CT_SIDE, 1.0) ? 40 : -850);
    for (int k = 0; k < PET_SIDE; ++k)
        for (int j = 0; j < PET_SIDE; ++j)
            for (int i = 0; i < PET_SIDE; ++i)
                pet_voxels[(k * PET_SIDE + j) * PET_SIDE + i] = in_ball(i, j, k, PET_SIDE, 2.0) ? 8.0f : 0.6f;

    /* Both grids have their middle at the origin of the patient frame. */
    dlnms_volume ct, pet;
    dlnms_volume_init(&ct, sizeof ct);
    ct.dtype = DLNMS_DTYPE_I16;
    ct.data = ct_voxels;
    dlnms_volume_init(&pet, sizeof pet);
    pet.dtype = DLNMS_DTYPE_F32;
    pet.data = pet_voxels;
    for (int axis = 0; axis < 3; ++axis) {
        ct.dims[axis] = CT_SIDE;
        ct.origin[axis] = -(CT_SIDE - 1) / 2.0;
        pet.dims[axis] = PET_SIDE;
        pet.spacing[axis] = 2.0;
        pet.origin[axis] = -(PET_SIDE - 1);
    }
    dlnms_roi roi;
    dlnms_roi_init(&roi, sizeof roi);
    roi.kind = DLNMS_ROI_POINT;
    roi.point[0] = roi.point[1] = roi.point[2] = 0.0;
    dlnms_case c;
    dlnms_case_init(&c, sizeof c);
    c.ct = &ct;
    c.pet = &pet; /* pet_info stays NULL: the voxels are SUVbw */
    c.roi = &roi;

    dlnms_error *error = NULL;
    dlnms_runtime_options runtime_options;
    dlnms_runtime_options_init(&runtime_options, sizeof runtime_options);
    runtime_options.library_path = argc > 2 ? argv[2] : NULL;
    dlnms_runtime *runtime = NULL;
    if (dlnms_runtime_new(&runtime_options, &runtime, &error)) return fail("runtime", error);

    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    options.bundle_dir = argv[1];
    dlnms_provider_options cpu; /* without these six lines the library picks the fastest provider that works */
    dlnms_provider_options_init(&cpu, sizeof cpu);
    cpu.provider = DLNMS_PROVIDER_CPU;
    const dlnms_provider_options *providers[] = {&cpu};
    options.providers = providers;
    options.n_providers = 1;
    dlnms_scorer *scorer = NULL;
    if (dlnms_scorer_new(runtime, &options, &scorer, &error)) return fail("bundle", error);
    if (dlnms_scorer_prepare(scorer, NULL, NULL, &error)) return fail("prepare", error);

    dlnms_result *result = NULL;
    if (dlnms_scorer_score(scorer, &c, NULL, &result, &error)) return fail("score", error);
    dlnms_scores scores;
    dlnms_scores_init(&scores, sizeof scores);
    if (dlnms_result_scores(result, &scores, &error)) return fail("result", error);

    if (scores.flags & DLNMS_FLAG_NOT_TRAINED) printf("NOT TRAINED: the scores mean nothing about a patient\n");
    printf("research use only\n");
    printf("n1 %.9g\nn2 %.9g\n", scores.n1, scores.n2);

    dlnms_result_free(result);
    dlnms_scorer_free(scorer);
    dlnms_runtime_free(runtime);
    free(ct_voxels);
    free(pet_voxels);
    return dlnms_live_objects() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
