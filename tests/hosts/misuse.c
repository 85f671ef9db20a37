/* Everything a host can do wrong, one after another: each must be a clear error that changes nothing.
 *
 *     misuse BUNDLE ONNXRUNTIME SCRATCH
 *
 * Also built with AddressSanitizer and run under Valgrind. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dlnms.h"

static int failures = 0;

/* The call must fail with `want`, its message must hold `word`, and the error must be freed exactly once. */
static void expect(const char *what, dlnms_status got, dlnms_status want, dlnms_error **where, const char *word) {
    dlnms_error *error = *where; /* read here: C does not say in which order a caller evaluates its arguments */
    const char *message = error ? dlnms_error_message(error) : "";
    if (got != want || !error || dlnms_error_status(error) != want || !strstr(message, word)) {
        printf("FAILED %s: status %d instead of %d, message \"%s\" without \"%s\"\n", what, (int)got, (int)want, message, word);
        ++failures;
    }
    dlnms_error_free(error);
    *where = NULL;
}

static void check(const char *what, int good) {
    if (!good) {
        printf("FAILED %s\n", what);
        ++failures;
    }
}

enum { SIDE = 40 };
static int16_t voxels[SIDE * SIDE * SIDE];
static float floats[SIDE * SIDE * SIDE];
static unsigned char empty_mask[SIDE * SIDE * SIDE];

static dlnms_volume ct, pet, mask;
static dlnms_roi roi;
static dlnms_pet_info info;
static dlnms_case c;

static void grid(dlnms_volume *v, uint32_t dtype, const void *data) {
    dlnms_volume_init(v, sizeof *v);
    v->dtype = dtype;
    v->data = data;
    for (int a = 0; a < 3; ++a) {
        v->dims[a] = SIDE;
        v->spacing[a] = 5.0;
        v->origin[a] = -2.5 * (SIDE - 1);
    }
}

/* A case that would score. */
static void good_case(void) {
    grid(&ct, DLNMS_DTYPE_I16, voxels);
    grid(&pet, DLNMS_DTYPE_F32, floats);
    grid(&mask, DLNMS_DTYPE_U8, empty_mask);
    dlnms_roi_init(&roi, sizeof roi);
    roi.point[0] = roi.point[1] = roi.point[2] = 0.0;
    dlnms_pet_info_init(&info, sizeof info);
    dlnms_case_init(&c, sizeof c);
    c.ct = &ct;
    c.pet = &pet;
    c.roi = &roi;
}

static dlnms_scorer *scorer;

/* Score the case as it is now and expect an error; the result pointer must stay what it was. */
static void refused(const char *what, dlnms_status want, const char *word) {
    static char sentinel;
    dlnms_result *result = (dlnms_result *)(void *)&sentinel;
    dlnms_error *error = NULL;
    dlnms_status status = dlnms_scorer_score(scorer, &c, NULL, &result, &error);
    expect(what, status, want, &error, word);
    check("the result pointer is untouched", result == (dlnms_result *)(void *)&sentinel);
    check("an error is optional", dlnms_scorer_score(scorer, &c, NULL, &result, NULL) == want);
    good_case();
}

static void volumes(void) {
    good_case();
    c.ct = NULL; refused("ct NULL", DLNMS_E_NULL_ARGUMENT, "ct");
    c.pet = NULL; refused("pet NULL", DLNMS_E_NULL_ARGUMENT, "pet");
    c.roi = NULL; refused("roi NULL", DLNMS_E_NULL_ARGUMENT, "roi");
    c.struct_size = 0; refused("case struct_size 0", DLNMS_E_STRUCT_SIZE, "dlnms_case");
    c.struct_size = 0xFFFFFFFF; refused("case struct_size huge", DLNMS_E_STRUCT_SIZE, "dlnms_case");
    ct.struct_size = 8; refused("volume struct_size 8", DLNMS_E_STRUCT_SIZE, "dlnms_volume");
    ct.data = NULL; refused("data NULL", DLNMS_E_INVALID_ARGUMENT, "ct.data");
    ct.dtype = 0; refused("dtype 0", DLNMS_E_INVALID_ARGUMENT, "ct.dtype");
    pet.dtype = 99; refused("dtype 99", DLNMS_E_INVALID_ARGUMENT, "pet.dtype");
    ct.dims[0] = 0; refused("dims 0", DLNMS_E_VOLUME_SHAPE, "dims[0]");
    ct.dims[2] = UINT64_MAX; refused("dims huge", DLNMS_E_VOLUME_SHAPE, "dims[2]");
    ct.dims[1] = (uint64_t)1 << 40; refused("dims large", DLNMS_E_VOLUME_SHAPE, "dims[1]");
    ct.strides[0] = 2; ct.strides[1] = INT64_MAX; ct.strides[2] = 2; refused("strides overflow", DLNMS_E_VOLUME_SHAPE, "strides");
    ct.strides[0] = 1; ct.strides[1] = 80; ct.strides[2] = 3200; refused("stride below voxel size", DLNMS_E_VOLUME_SHAPE, "strides[0]");
    ct.strides[0] = INT64_MIN; refused("stride minimal", DLNMS_E_VOLUME_SHAPE, "strides");
    ct.spacing[1] = 0; refused("spacing 0", DLNMS_E_VOLUME_GEOMETRY, "spacing[1]");
    ct.spacing[2] = -1; refused("spacing negative", DLNMS_E_VOLUME_GEOMETRY, "spacing[2]");
    pet.spacing[0] = NAN; refused("spacing NaN", DLNMS_E_VOLUME_GEOMETRY, "spacing[0]");
    ct.origin[0] = INFINITY; refused("origin infinite", DLNMS_E_VOLUME_GEOMETRY, "origin");
    memset(ct.direction, 0, sizeof ct.direction); refused("direction singular", DLNMS_E_VOLUME_GEOMETRY, "direction");
    ct.direction[1] = 0.2; refused("direction skewed", DLNMS_E_VOLUME_GEOMETRY, "orthonormal");
    ct.rescale_slope = 0; refused("slope 0", DLNMS_E_INVALID_ARGUMENT, "ct.rescale");
    ct.rescale_intercept = NAN; refused("intercept NaN", DLNMS_E_INVALID_ARGUMENT, "ct.rescale");
    ct.has_padding = 7; refused("has_padding 7", DLNMS_E_INVALID_ARGUMENT, "has_padding");
    ct.has_padding = 1; ct.padding_first = 1; refused("padding reversed", DLNMS_E_INVALID_ARGUMENT, "padding_first");
    double offsets[SIDE] = {0};
    pet.slice_offsets = offsets; refused("offsets not increasing", DLNMS_E_VOLUME_GEOMETRY, "slice_offsets");
    pet.origin[2] = 5000; refused("no overlap", DLNMS_E_NO_OVERLAP, "along S");
    floats[(20 * SIDE + 20) * SIDE + 20] = NAN; refused("NaN voxel", DLNMS_E_VOXEL_NOT_FINITE, "pet");
    floats[(20 * SIDE + 20) * SIDE + 20] = 0;
}

/* A weight in grams, a dose in megabecquerel: never repaired, in a score and in the factors alike. */
static void other_units(void) {
    double factors[SIDE];
    for (int dose = 0; dose < 2; ++dose) {
        const char *tag = dose ? "RadionuclideTotalDose (0018,1074)" : "PatientWeight (0010,1030)";
        dlnms_error *error = NULL;
        size_t needed = 0;
        good_case();
        dlnms_pet_info_init(&info, sizeof info);
        info.n_slices = SIDE;
        info.units = DLNMS_UNITS_BQML;
        info.decay_correction = DLNMS_DECAY_ADMIN;
        info.attenuation_corrected = 1;
        info.weight_kg = dose ? 91 : 91000;
        info.dose_bq = dose ? 370 : 370e6;
        expect(tag, dlnms_pet_info_suv_factors(&info, factors, SIDE, &needed, &error), DLNMS_E_SUV, &error, tag);
        c.pet_info = &info;
        refused(tag, DLNMS_E_SUV, tag);
    }
}

static void tumours(void) {
    roi.struct_size = 3; refused("roi struct_size", DLNMS_E_STRUCT_SIZE, "dlnms_roi");
    roi.kind = 0; refused("roi kind", DLNMS_E_INVALID_ARGUMENT, "dlnms_roi.kind");
    roi.point[0] = NAN; refused("centre NaN", DLNMS_E_ROI_INVALID, "finite");
    dlnms_roi_init(&roi, sizeof roi); refused("forgotten centre", DLNMS_E_ROI_INVALID, "finite");
    roi.point[2] = 1e9; refused("centre outside", DLNMS_E_ROI_OUTSIDE, "outside");
    roi.kind = DLNMS_ROI_BOX; refused("forgotten box", DLNMS_E_ROI_INVALID, "box");
    roi.kind = DLNMS_ROI_MASK; refused("mask NULL", DLNMS_E_NULL_ARGUMENT, "mask");
    roi.kind = DLNMS_ROI_MASK; roi.mask = &mask; refused("mask empty", DLNMS_E_ROI_EMPTY, "no voxel");
    c.pet_info = &info; refused("PET attributes unknown", DLNMS_E_INVALID_ARGUMENT, "n_slices");
    c.pet_info = &info; info.n_slices = SIDE; info.units = 77; refused("units", DLNMS_E_INVALID_ARGUMENT, "units");
    c.pet_info = &info; info.n_slices = SIDE; info.units = DLNMS_UNITS_BQML; refused("not corrected", DLNMS_E_SUV, "ATTN");
    c.pet_info = &info; info.n_slices = SIDE; info.units = DLNMS_UNITS_BQML; info.attenuation_corrected = 1;
    refused("no weight", DLNMS_E_SUV, "PatientWeight");
    c.pet_info = &info; info.n_slices = SIDE; info.assumptions = 8; refused("assumptions", DLNMS_E_INVALID_ARGUMENT, "assumptions");
    other_units();
    c.pet_info = &info; info.n_slices = 3; info.units = DLNMS_UNITS_GML; info.attenuation_corrected = 1;
    refused("slices differ", DLNMS_E_INVALID_ARGUMENT, "pet_info.n_slices");
}

/* A field that no version knows yet: refused by name in every struct, whatever else the call would find wrong. */
static int32_t takes_nothing(const char *name, const uint8_t *bytes, size_t size, void *data) {
    (void)name, (void)bytes, (void)size, (void)data;
    check("no object is made", 0);
    return 0;
}

/* What is wrong with the other arguments is found before the result is looked at. */
static void objects(void) {
    dlnms_error *error = NULL;
    dlnms_sink sink;
    dlnms_sink_init(&sink, sizeof sink);
    dlnms_write_options options;
    dlnms_write_options_init(&options, sizeof options);
    dlnms_identity identity;
    dlnms_identity_init(&identity, sizeof identity);
    expect("no sink", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, NULL, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_sink");
    expect("no callback", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, &sink, &error), DLNMS_E_NULL_ARGUMENT, &error,
           "dlnms_sink.callback");
    sink.callback = takes_nothing;
    sink.reserved = 20;
    expect("sink reserved", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, &sink, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "dlnms_sink.reserved");
    sink.reserved = 0;
    options.reserved = 21;
    expect("writing reserved", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, &sink, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "dlnms_write_options.reserved");
    options.reserved = 0;
    options.identity = &identity;
    identity.reserved = 22;
    expect("identity reserved", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, &sink, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "dlnms_identity.reserved");
    identity.reserved = 0;
    expect("identity of nobody", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, &sink, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "dlnms_identity.n_pet");
    options.identity = NULL;
    options.content_time = "yesterday";
    expect("content time", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, &sink, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "content_time");
    options.content_time = NULL;
    expect("no result", dlnms_result_write(NULL, DLNMS_OBJECT_MARKER, &options, &sink, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_result");
    expect("no page", dlnms_result_write(NULL, DLNMS_OBJECT_PAGE_IMAGE, &options, &sink, &error), DLNMS_E_NULL_ARGUMENT, &error, "page_rgb");
}

static void reserved_fields(dlnms_runtime *runtime) {
    static dlnms_case_metadata metadata;
    dlnms_error *error = NULL;
    dlnms_case_context context;
    dlnms_case_context_init(&context, sizeof context);
    c.context = &context; context.reserved = 1; refused("context reserved", DLNMS_E_INVALID_ARGUMENT, "dlnms_case_context.reserved");
    c.context = &context; context.reserved = 0; context.actor = "two\nlines"; refused("actor", DLNMS_E_INVALID_ARGUMENT, "context.actor");
    c.context = &context; context.actor = NULL; context.correlation_id = "\xff"; refused("correlation id", DLNMS_E_UTF8, "correlation_id");
    c.context = NULL;
    ct.reserved = 2; refused("volume reserved", DLNMS_E_INVALID_ARGUMENT, "dlnms_volume.reserved");
    roi.reserved = 3; refused("roi reserved", DLNMS_E_INVALID_ARGUMENT, "dlnms_roi.reserved");
    dlnms_case_metadata_init(&metadata, sizeof metadata);
    c.metadata = &metadata; metadata.hounsfield_stated = 5; refused("metadata tristate", DLNMS_E_INVALID_ARGUMENT, "dlnms_case_metadata.hounsfield_stated");
    c.metadata = &metadata; metadata.hounsfield_stated = DLNMS_TRISTATE_UNKNOWN; metadata.reserved = 5; refused("metadata reserved", DLNMS_E_INVALID_ARGUMENT, "dlnms_case_metadata.reserved");

    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.hardened = 1;
    where.library_path = NULL;
    dlnms_runtime *none = NULL;
    expect("hardened without a path", dlnms_runtime_new(&where, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "library_path");
    where.hardened = 0;
    where.expected_sha256 = "abc";
    expect("no digest of the runtime", dlnms_runtime_new(&where, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "expected_onnxruntime_sha256");
    dlnms_progress progress;
    dlnms_progress_init(&progress, sizeof progress);
    progress.reserved = 7;
    expect("progress reserved", dlnms_scorer_prepare(scorer, &progress, NULL, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "dlnms_progress.reserved");
    dlnms_queue_options how;
    dlnms_queue_options_init(&how, sizeof how);
    how.reserved = 8;
    dlnms_queue *queue = NULL;
    expect("queue reserved", dlnms_queue_new(scorer, &how, &queue, &error), DLNMS_E_INVALID_ARGUMENT, &error, "dlnms_queue_options.reserved");
    how.reserved = 0;
    check("a queue", dlnms_queue_new(scorer, &how, &queue, NULL) == DLNMS_OK);
    dlnms_completion done;
    dlnms_completion_init(&done, sizeof done);
    done.reserved = 9;
    dlnms_job *job = NULL;
    expect("completion reserved", dlnms_queue_submit(queue, &c, &done, &job, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "dlnms_completion.reserved");
    dlnms_queue_free(queue);
    dlnms_series_choice which;
    dlnms_series_choice_init(&which, sizeof which);
    which.reserved = 10;
    expect("choice reserved", dlnms_study_load(NULL, &which, NULL, NULL, &error), DLNMS_E_INVALID_ARGUMENT, &error, "dlnms_series_choice.reserved");
    dlnms_read_options limits;
    dlnms_read_options_init(&limits, sizeof limits);
    dlnms_provider_options entry;
    dlnms_provider_options_init(&entry, sizeof entry);
    entry.provider = DLNMS_PROVIDER_CPU;
    entry.reserved = 12;
    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    options.bundle_dir = "nowhere";
    const dlnms_provider_options *const entries[] = {&entry};
    options.providers = entries;
    options.n_providers = 1;
    dlnms_scorer *none_made = NULL;
    expect("provider reserved", dlnms_scorer_new(runtime, &options, &none_made, &error), DLNMS_E_INVALID_ARGUMENT, &error,
           "dlnms_provider_options.reserved");

    limits.reserved = 11;
    const char *const nowhere[] = {"/nowhere"};
    dlnms_study *study = NULL;
    expect("read reserved", dlnms_study_scan(nowhere, 1, &limits, NULL, &study, &error), DLNMS_E_INVALID_ARGUMENT, &error, "dlnms_read_options.reserved");
    limits.reserved = 0;
    limits.verbose_names = 2;
    expect("verbose_names", dlnms_study_scan(nowhere, 1, &limits, NULL, &study, &error), DLNMS_E_INVALID_ARGUMENT, &error, "neither 0 nor 1");
    check("nothing was made", none == NULL && none_made == NULL && job == NULL && runtime != NULL);
}

static void handles(dlnms_runtime *runtime) {
    dlnms_error *error = NULL;
    dlnms_result *result = NULL;
    expect("scorer NULL", dlnms_scorer_score(NULL, &c, NULL, &result, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_scorer");
    expect("runtime as scorer", dlnms_scorer_score((const dlnms_scorer *)(const void *)runtime, &c, NULL, &result, &error),
           DLNMS_E_INVALID_HANDLE, &error, "dlnms_runtime");
    expect("garbage as scorer", dlnms_scorer_score((const dlnms_scorer *)(const void *)&c, &c, NULL, &result, &error),
           DLNMS_E_INVALID_HANDLE, &error, "never came");
    expect("out NULL", dlnms_scorer_score(scorer, &c, NULL, NULL, &error), DLNMS_E_NULL_ARGUMENT, &error, "out");
    expect("case NULL", dlnms_scorer_score(scorer, NULL, NULL, &result, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_case");

    dlnms_cancel *cancel = NULL;
    check("cancel token", dlnms_cancel_new(&cancel, NULL) == DLNMS_OK);
    dlnms_cancel_trigger(cancel);
    expect("cancelled before", dlnms_scorer_score(scorer, &c, cancel, &result, &error), DLNMS_E_CANCELLED, &error, "cancel");
    dlnms_cancel_free(cancel);
    dlnms_cancel_free(cancel); /* twice: nothing happens */
    dlnms_cancel_trigger(cancel);
    expect("freed token", dlnms_scorer_score(scorer, &c, cancel, &result, &error), DLNMS_E_INVALID_HANDLE, &error, "freed");

    /* An error is a handle too. */
    error = NULL;
    (void)dlnms_scorer_score(NULL, &c, NULL, &result, &error);
    dlnms_error_free(error);
    dlnms_error_free(error);
    check("a freed error has a text", strlen(dlnms_error_message(error)) > 0);
    check("a freed error has a status", dlnms_error_status(error) == DLNMS_E_INVALID_HANDLE);
    check("every status has a text", strcmp(dlnms_status_string(DLNMS_E_SUV), dlnms_status_string(12345)) != 0);

    dlnms_error_free(NULL);
    dlnms_scorer_free(NULL);
    dlnms_runtime_free(NULL);
    dlnms_result_free(NULL);
    dlnms_study_free(NULL);
    dlnms_cancel_free(NULL);
    dlnms_cancel_trigger(NULL);
    dlnms_volume_init(NULL, sizeof(dlnms_volume));
    dlnms_volume_init(&ct, 3); /* smaller than version 1: nothing is written */
    check("NULL study has no warnings", dlnms_study_warning_count(NULL) == 0 && dlnms_study_warning(NULL, 0) == NULL);
}

static void buffers(void) {
    dlnms_error *error = NULL;
    dlnms_result *result = NULL;
    good_case();
    dlnms_status status = dlnms_scorer_score(scorer, &c, NULL, &result, &error);
    check("the good case scores", status == DLNMS_OK && error == NULL && result != NULL);
    size_t needed = 0;
    check("length alone", dlnms_result_json(result, NULL, 0, &needed, NULL) == DLNMS_OK && needed > 100);
    char *text = malloc(needed);
    memset(text, 'x', needed);
    size_t again = 0;
    status = dlnms_result_json(result, text, needed - 1, &again, &error);
    expect("one byte short", status, DLNMS_E_BUFFER_TOO_SMALL, &error, "needed");
    check("needed is written and the buffer is not", again == needed && text[0] == 'x');
    check("exact", dlnms_result_json(result, text, needed, &again, NULL) == DLNMS_OK && strlen(text) + 1 == needed);
    check("research use only", strstr(text, "\"research_use_only\":true") != NULL);
    check("not trained is flagged", strstr(text, "not_trained") != NULL);
    const char *digest = dlnms_result_manifest_sha256(result);
    check("the bundle's digest", digest != NULL && strlen(digest) == 64 && strstr(text, digest) != NULL);
    check("a dead result has no digest", dlnms_result_manifest_sha256(NULL) == NULL);
    free(text);
    expect("no buffer", dlnms_result_json(result, NULL, 5, NULL, &error), DLNMS_E_NULL_ARGUMENT, &error, "buffer");
    expect("head index", dlnms_result_head(result, 99, NULL, NULL, &error), DLNMS_E_INVALID_ARGUMENT, &error, "index");
    dlnms_scores scores;
    memset(&scores, 0, sizeof scores);
    expect("scores without init", dlnms_result_scores(result, &scores, &error), DLNMS_E_STRUCT_SIZE, &error, "dlnms_scores");
    dlnms_scores_init(&scores, sizeof scores);
    check("scores", dlnms_result_scores(result, &scores, NULL) == DLNMS_OK);
    check("phases sum to the total", scores.prepare_ns + scores.preprocess_ns + scores.evidence_ns + scores.infer_ns +
                                             scores.finish_ns == scores.total_ns && scores.total_ns > 0);
    dlnms_result_free(result);
    dlnms_result_free(result);
    expect("freed result", dlnms_result_scores(result, &scores, &error), DLNMS_E_INVALID_HANDLE, &error, "freed");
    float pet_plane[4], ct_plane[4];
    expect("planes too small", dlnms_scorer_planes(scorer, &c, pet_plane, ct_plane, 4, &needed, &error),
           DLNMS_E_BUFFER_TOO_SMALL, &error, "needed");
    check("planes needed", needed == 3 * 112 * 112);
}

/* Bundles and runtimes that are not. */
static void files(dlnms_runtime *runtime, const char *bundle, const char *scratch) {
    dlnms_error *error = NULL;
    dlnms_scorer *none = NULL;
    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    expect("bundle_dir NULL", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_NULL_ARGUMENT, &error, "bundle_dir");
    options.bundle_dir = scratch;
    expect("bundle missing", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_BUNDLE_MISSING, &error, "manifest.json");
    options.bundle_dir = "\xff\xfe";
    expect("bundle_dir not UTF-8", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_UTF8, &error, "bundle_dir");
    options.bundle_dir = bundle;
    dlnms_provider_options provider;
    dlnms_provider_options_init(&provider, sizeof provider);
    const dlnms_provider_options *providers[17];
    for (int i = 0; i < 17; ++i) providers[i] = &provider;
    options.n_providers = 1;
    expect("providers NULL", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_scorer_options.providers");
    options.providers = providers;
    options.n_providers = 0;
    expect("no providers", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "n_providers");
    options.n_providers = 17;
    expect("too many providers", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "n_providers");
    options.n_providers = 1;
    provider.provider = 42;
    expect("unknown provider", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "dlnms_provider_options.provider");
    provider.provider = DLNMS_PROVIDER_CPU;
    options.device = 1;
    expect("device beside providers", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "dlnms_scorer_options.device");
    options.providers = NULL;
    options.n_providers = 0;
    options.device = -1;
    expect("device of AUTO", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "dlnms_scorer_options.device");
    options.device = 0;
    options.reserved = 5;
    expect("options reserved", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "dlnms_scorer_options.reserved");
    options.reserved = 0;
    options.expected_manifest_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    expect("another bundle", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_BUNDLE_ALTERED, &error, options.expected_manifest_sha256);
    options.expected_manifest_sha256 = "";
    expect("no digest", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "expected_manifest_sha256");
    options.expected_manifest_sha256 = NULL;
    options.bundle_key = "not a key";
    expect("no key", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "bundle_key");
    options.bundle_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    expect("unsigned", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_BUNDLE_UNSIGNED, &error, "E7620F1842B4E81F");
    options.bundle_key = NULL;
    dlnms_audit_options audit;
    dlnms_audit_options_init(&audit, sizeof audit);
    options.audit = &audit;
    expect("no salt", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_audit_options.salt");
    audit.salt = (const uint8_t *)"fifteen bytes..";
    audit.salt_size = 15;
    expect("no log", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_audit_options.path");
    audit.path = "/dev/null/log";
    expect("short salt", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "audit.salt");
    audit.salt_size = 16;
    expect("log in no folder", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_AUDIT, &error, "/dev/null/log");
    options.audit = NULL;
    dlnms_audit_summary summary;
    dlnms_audit_summary_init(&summary, sizeof summary);
    expect("no log to verify", dlnms_audit_verify("/dev/null/log", NULL, &summary, &error), DLNMS_E_AUDIT, &error, "audit log");
    expect("no head", dlnms_audit_verify("/dev/null/log", "abc", &summary, &error), DLNMS_E_INVALID_ARGUMENT, &error, "expected_head");
    options.threads = 100000;
    expect("too many threads", dlnms_scorer_new(runtime, &options, &none, &error), DLNMS_E_INVALID_ARGUMENT, &error, "threads");
    check("nothing was made", none == NULL);
    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.library_path = scratch;
    dlnms_runtime *other = NULL;
    expect("no runtime there", dlnms_runtime_new(&where, &other, &error), DLNMS_E_RUNTIME_NOT_FOUND, &error, "searched");
    const char *paths[] = {scratch};
    dlnms_study *study = NULL;
    expect("no DICOM there", dlnms_study_open(paths, 1, NULL, NULL, NULL, NULL, &study, &error), DLNMS_E_DICOM_READ, &error, "DICOM");
    expect("no paths", dlnms_study_open(paths, 0, NULL, NULL, NULL, NULL, &study, &error), DLNMS_E_INVALID_ARGUMENT, &error, "n_paths");
    dlnms_progress progress;
    dlnms_progress_init(&progress, sizeof progress);
    expect("progress without callback", dlnms_scorer_prepare(scorer, &progress, NULL, &error), DLNMS_E_NULL_ARGUMENT, &error, "callback");
}

static int told, dropped, logged, log_dropped;
static int32_t tell(uint32_t phase, float fraction, void *data) {
    (void)phase, (void)fraction;
    ++told;
    return *(int *)data;
}
static void drop(void *data) {
    (void)data;
    ++dropped;
}
static void line(uint32_t level, const char *target, const char *message, void *data) {
    (void)level, (void)data;
    logged += target[0] && message[0];
}
static void drop_log(void *data) {
    (void)data;
    ++log_dropped;
}

/* Whatever becomes of a call, the host's drop runs once. */
static void callbacks(void) {
    int stop = 1;
    dlnms_progress progress;
    dlnms_progress_init(&progress, sizeof progress);
    progress.callback = tell;
    progress.drop = drop;
    progress.user_data = &stop;
    dlnms_error *error = NULL;
    expect("progress says stop", dlnms_scorer_prepare(scorer, &progress, NULL, &error), DLNMS_E_CANCELLED, &error, "cancel");
    check("told once and dropped once", told == 1 && dropped == 1);
    expect("prepare of NULL", dlnms_scorer_prepare(NULL, &progress, NULL, &error), DLNMS_E_NULL_ARGUMENT, &error, "dlnms_scorer");
    check("dropped on failure too", told == 1 && dropped == 2);
    stop = 0;
    check("prepare", dlnms_scorer_prepare(scorer, &progress, NULL, NULL) == DLNMS_OK && told > 3 && dropped == 3);
    dlnms_logger logger;
    dlnms_logger_init(&logger, sizeof logger);
    logger.callback = line;
    logger.drop = drop_log;
    logger.level = 77;
    expect("log level", dlnms_logger_set(&logger, &error), DLNMS_E_INVALID_ARGUMENT, &error, "level");
    logger.level = DLNMS_LOG_ERROR;
    check("logger", dlnms_logger_set(&logger, NULL) == DLNMS_OK && log_dropped == 0);
    dlnms_cancel *cancel = NULL;
    (void)dlnms_cancel_new(&cancel, NULL);
    dlnms_cancel_free(cancel);
    dlnms_cancel_free(cancel); /* leaves a line */
    check("a line was logged", logged == 1);
    check("replaced and dropped", dlnms_logger_set(&logger, NULL) == DLNMS_OK && log_dropped == 1);
    check("silenced and dropped", dlnms_logger_set(NULL, NULL) == DLNMS_OK && log_dropped == 2);
    dlnms_cancel_free(cancel);
    check("silent", logged == 1);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    dlnms_runtime_options runtime_options;
    dlnms_runtime_options_init(&runtime_options, sizeof runtime_options);
    runtime_options.library_path = argv[2];
    dlnms_runtime *runtime = NULL;
    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    options.bundle_dir = argv[1];
    dlnms_provider_options cpu;
    dlnms_provider_options_init(&cpu, sizeof cpu);
    cpu.provider = DLNMS_PROVIDER_CPU;
    const dlnms_provider_options *providers[] = {&cpu};
    options.providers = providers;
    options.n_providers = 1;
    if (dlnms_runtime_new(&runtime_options, &runtime, NULL) || dlnms_scorer_new(runtime, &options, &scorer, NULL)) return 3;
    callbacks();
    volumes();
    tumours();
    good_case();
    reserved_fields(runtime);
    objects();
    handles(runtime);
    buffers();
    files(runtime, argv[1], argv[3]);
    dlnms_scorer_free(scorer);
    dlnms_scorer_free(scorer);
    good_case();
    refused("freed scorer", DLNMS_E_INVALID_HANDLE, "freed");
    dlnms_runtime_free(runtime);
    check("nothing leaks", dlnms_live_objects() == 0);
    printf("%s\n", failures ? "misuse: FAILED" : "misuse: every mistake was a clear error");
    return failures != 0;
}
