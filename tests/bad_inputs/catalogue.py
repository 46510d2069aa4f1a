"""The rows of the catalogue of bad inputs: the test of each, or the reason why it does not apply.

A: the API, U: uploads, F: pages and forms, S: the SDK, E: environments, R: scripts. A row that a test of this folder names
(in its table, or as "Row A31" in its docstring) stands in neither list.
"""

ROW_NAMES = """
A01 A03 A04 A05 A07 A08 A10 A11 A12 A13 A14 A15 A16 A17 A19 A20 A22 A23 A25 A28 A29 A30 A31 A32 A34 A35 A36 A38 A39
A40 A41 A42 A43 A44 A45 A47 A49 A50 A51 A52 A54 A55 A56 A60 A61 A62 A63 A64 U01 U03 U04 U06 U07 U08 U09 U10 U13 U14
U15 U16 U17 U18 U22 U23 U26 U27 U28 U29 U30 U31 U32 U33 U34 U35 U36 U37 U38 U41 U42 U43 U44 U45 U46 U47 U48 U49 U50
U51 U52 U53 U54 U55 U58 U59 U60 F01 F03 F04 F05 F06 F07 F08 F09 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19 F20 F22 F24
F26 F27 F28 F29 F30 F31 F32 F33 F35 F36 F37 F38 F39 F41 F42 F43 F44 F47 F48 F50 F52 F53 F54 F56 F58 F59 F60 F61 S02
S04 S05 S06 S08 S09 S10 S12 S13 S14 S16 S18 S20 S21 S22 S23 S25 S26 S27 S28 S29 S30 S31 S32 S35 S37 S38 S41 S42 S43
S47 S48 S51 S53 S54 S55 S57 S59 S60 S61 E02 E03 E04 E05 E06 E07 E08 E09 E10 E11 E12 E13 E14 E15 E16 E17 E19 E20 E21
E22 E23 E24 E25 E26 E27 E29 E31 E32 E34 E35 E37 E38 E39 E40 E41 E42 E45 E46 E47 E48 E49 E50 E52 E53 E54 E55 E56 E57
E59 R02 R03 R04 R05 R06 R07 R11 R12 R14 R16 R17 R18 R20 R26 R27 R28 R29 R30 R31 R32 R33 R36 R38 R39 R41 R42 R43 R44
R45 R46 R47 R49 R50 R51 R52 R53 R54 R55 R56 R57 R58 R59
"""
ROWS = ROW_NAMES.split()

# Row, the file below tests/, and the test in it.
ELSEWHERE = """
A16 studio/test_slow_clients.py a_deadline_ends_what_does_not_come
A17 runs/test_artifacts.py a_body_cut_short_is_not_stored
A28 runs/test_pages_table.py a_wrong_layout_is_named
A30 test_bounds.py a_page_says_the_limit
A32 bad_inputs/test_nonsense.py a_strange_word_in_an_address_is_not_found_or_refused
A42 runs/test_metrics.py an_empty_batch_is_accepted
A43 runs/test_metrics.py every_bad_point_is_named_and_nothing_is_stored
A44 runs/test_lifecycle.py metrics_of_an_ended_run
A45 runs/test_api_runs.py a_stale_attempt_is_refused_everywhere
A47 runs/test_submission.py the_same_job_again_is_the_same_run
A55 studio/test_client_address.py headers_from_untrusted_clients_do_not_count
A60 mlflow_api/test_conformity.py sources_of_versions
U01 bad_inputs/test_uploads.py an_invalid_path_stores_nothing
U03 bad_inputs/test_uploads.py an_invalid_path_stores_nothing
U04 bad_inputs/test_uploads.py an_invalid_path_stores_nothing
U06 runs/test_artifacts.py a_file_and_a_folder_of_one_name_do_not_meet
U13 runs/test_snapshots.py links_and_doubles_are_refused
U14 runs/test_snapshots.py links_and_doubles_are_refused
U17 runs/test_snapshots.py the_size_of_a_zip_is_counted_while_it_is_unpacked
U18 runs/test_snapshots.py links_and_doubles_are_refused
U22 sdk/test_snapshot_rules.py too_many_bytes_name_the_largest_file
U23 sdk/test_run_submitted.py a_script_that_the_node_would_not_have_is_refused
U26 runs/test_snapshots.py a_wrong_hash_is_refused
U27 studio/test_storage.py what_a_killed_upload_has_written_is_freed_after_an_hour
U28 runs/test_artifacts.py appending_beyond_the_end_tells_the_size
U29 runs/test_metrics_parallel.py of_two_writers_of_one_file_one_gets_a_conflict
U30 runs/test_artifacts.py an_ended_run_takes_files_from_people_only
U31 test_run_tokens.py a_token_reaches_nothing_of_another_run
U32 studio/test_outages.py with_only_the_reserve_left_files_are_refused_and_metrics_logs_and_states_are_not
U34 runs/test_artifacts.py large_uploads_pass_the_limit_of_json_bodies
U35 runs/test_artifacts.py an_empty_file_is_a_file
U41 runs/test_pages_files.py previews_follow_the_type
U43 runs/test_pages_metrics.py csv_holds_no_formula
U47 mlflow_api/test_conformity.py a_path_that_leads_elsewhere_is_refused_everywhere
U48 test_run_tokens.py a_run_keeps_models_of_its_own_and_moves_no_other
U49 bad_inputs/test_uploads.py strange_ranges_are_answered_whole_or_refused
U50 runs/test_artifacts.py head_and_etag
U51 runs/test_artifacts.py lost_bytes_are_an_error_and_not_an_empty_file
U53 mlflow_api/test_registry.py versions_count_up_and_are_never_used_twice
F01 accounts/test_accounts.py forms_need_the_token_of_their_page
F03 accounts/test_edit_conflicts.py the_second_of_two_people_gets_both_values_and_may_then_replace
F04 browser/test_pages.py what_was_entered_is_back_after_the_sign_in
F05 accounts/test_accounts.py a_poll_of_a_signed_out_page_reloads_it
F06 studio/test_htmx.py all_others_get_the_page
F08 accounts/test_accounts.py sign_in_goes_nowhere_else
F09 accounts/test_accounts.py wrong_password
F10 accounts/test_sign_in_limits.py an_attacker_is_stopped_after_ten_attempts_and_the_person_can_sign_in_elsewhere
F13 accounts/test_accounts.py password_is_checked
F14 workspaces/test_members.py a_name_that_is_taken_or_looks_alike_is_refused
F15 accounts/test_oidc.py uninvited_people_are_refused_and_waiting_people_see_a_message
F16 accounts/test_accounts.py a_link_works_once
F17 studio/test_http.py signing_in_replaces_an_existing_session
F19 test_authz.py a_deactivated_account_has_no_access_from_the_next_request
F22 bad_inputs/test_nonsense.py pages_accept_odd_parameters
F24 runs/test_pages_lists.py a_wrong_word_in_the_address_is_named
F26 studio/test_visible_names.py what_cannot_be_seen_is_no_name
F28 runs/test_many.py pages_read_no_large_table_from_end_to_end
F29 bad_inputs/test_nonsense.py pages_accept_odd_parameters
F30 bad_inputs/test_nonsense.py pages_accept_odd_parameters
F35 compute/test_stack.py deleting_a_cluster_ends_its_work_and_its_nodes
F41 bad_inputs/test_nonsense.py forms_accept_any_input
F42 browser/test_pages.py pages_work_without_scripts
F43 browser/test_live.py polls_that_fail_change_nothing_and_continue
F44 browser/test_live.py polls_that_fail_change_nothing_and_continue
F47 studio/test_shell.py when_speaks_utc_until_the_browser_knows_better
F48 runs/test_pages_metrics.py gaps_are_counted
F52 browser/test_pages.py arrows_and_slider_step_through_images_and_new_ones_appear
F53 studio/test_http.py pages_are_not_cached_by_proxies_or_framed_by_other_sites
F56 runs/test_pages_metrics.py csv_holds_no_formula
F58 runs/test_pages_run.py readers_are_offered_nothing_they_may_not
F59 studio/test_outages.py a_page_whose_session_cannot_be_read_says_so_and_is_one_line_in_the_log
F60 browser/test_pages.py every_page_is_accessible_quiet_and_narrow_enough
F61 workspaces/test_members.py the_last_owner_stays
S02 sdk/test_workspace_config.py missing_wrong_and_broken_files_are_distinguished
S04 sdk/test_client.py gives_up_with_a_message
S05 sdk/test_workspace.py a_wrong_token_is_reported
S08 sdk/test_metrics_values.py values_become_json
S09 sdk/test_metrics_values.py values_become_json
S10 sdk/test_metrics_values.py values_become_json
S12 sdk/test_metrics_values.py log_takes_one_value
S13 sdk/test_metrics_values.py lists
S14 sdk/test_metrics_values.py tables
S16 sdk/test_run_interactive.py an_image_and_a_matrix_are_files
S18 runs/test_metrics.py bad_points_are_refused_with_a_message
S20 runs/test_metrics.py bad_points_are_refused_with_a_message
S21 runs/test_metrics.py values_come_back_in_order_as_they_went
S22 runs/test_metrics.py the_same_batch_again_changes_nothing
S23 runs/test_metrics_downsampled.py points_logged_out_of_order_are_drawn_in_order
S25 sdk/test_metrics_queue.py order_is_kept_in_few_batches
S26 sdk/test_run_interactive.py an_ended_run_takes_no_more_metrics_of_any_kind_and_says_so
S27 sdk/test_metrics_queue.py a_forked_child_sends_its_own_and_nothing_twice
S28 sdk/test_metrics_queue.py a_server_that_comes_back_gets_everything
S29 sdk/test_metrics_queue.py what_could_not_be_sent_is_counted_at_the_end
S30 sdk/test_metrics_queue.py a_script_waits_for_space_and_loses_nothing
S31 sdk/test_client.py retry_after_is_honoured
S32 sdk/test_metrics_queue.py only_the_refused_metric_is_lost_and_it_is_reported
S37 sdk/test_masking.py the_runner_masks_log_and_error
S38 sdk/test_run_submitted.py what_cannot_run_is_refused_at_once
S53 sdk/test_run_waiting.py interrupted_the_run_goes_on
S55 sdk/test_offline_run.py it_is_no_run_and_says_so_by_its_id
S57 runs/test_metrics_parallel.py parallel_writers_lose_and_double_nothing
S59 runs/test_metrics.py values_come_back_in_order_as_they_went
S60 sdk/test_surface.py importing_is_light
S61 sdk/test_interpreters.py imports_without_anything_installed
E08 sdk/test_environment_conda_lines.py a_prefix_is_ignored_and_said
E09 sdk/test_environment_mapping.py the_nearest_interpreter_is_taken
E10 sdk/test_environment_conda_lines.py an_interpreter_outside_the_bounds_is_no_match
E11 sdk/test_environment_failures.py each_reason_has_its_sentence
E12 sdk/test_environment_failures.py each_reason_has_its_sentence
E13 sdk/test_environment_failures.py each_reason_has_its_sentence
E15 sdk/test_environment_pip_lines.py what_cannot_be_had_is_left_out_and_said
E19 sdk/test_environment_pip_lines.py what_is_no_requirement_fails_with_the_line
E21 sdk/test_environment_building.py a_build_that_hangs_is_stopped_with_what_it_started
E21 sdk/test_environment_building.py a_build_that_takes_too_much_of_the_machine_is_stopped
E22 sdk/test_environment_failures.py a_pin_without_a_wheel_names_the_first_that_fits
E23 sdk/test_environment_failures.py each_reason_has_its_sentence
E24 sdk/test_environment_failures.py what_cannot_be_fetched_is_named
E25 sdk/test_environment_failures.py what_cannot_be_fetched_is_named
E27 test_bounds.py an_environment_of_very_many_packages_is_not_built
E29 sdk/test_environment_building.py ten_at_once_build_one
E31 sdk/test_environment_building.py a_lost_interpreter_is_noticed
E32 sdk/test_environment_pruning.py what_another_process_uses_stays
E34 sdk/test_environment_building.py a_conda_package_that_no_index_has_is_left_out
E35 sdk/test_environment_conda_lines.py what_is_left_out_is_reported_once
E37 runs/test_job_settings.py a_setting_that_has_no_effect_is_never_passed_over
E42 sdk/test_environment_building.py our_packages_come_from_no_other_index
E49 sdk/test_environment_pip_lines.py files_in_the_encodings_that_tools_write
R02 sdk/test_runner.py cancel_ends_the_script_and_its_children
R03 sdk/test_processes.py a_process_that_clears_its_environment_and_leaves_its_session_ends_with_the_run
R04 sdk/test_runner.py a_time_limit_is_kept
R16 sdk/test_runner.py of_a_very_long_log_the_head_and_the_tail_are_stored
R17 sdk/test_runner.py of_a_very_long_log_the_head_and_the_tail_are_stored
R26 sdk/test_run_submitted.py what_cannot_run_is_refused_at_once
R27 sdk/test_failure_reasons.py the_last_exception_is_the_reason
R28 sdk/test_failure_reasons.py a_package_is_named_by_its_distribution
R30 sdk/test_runner.py a_failure_says_why
R31 sdk/test_runner.py a_failure_says_why
R32 sdk/test_runner.py a_child_that_is_killed_for_memory_is_a_warning_and_the_exit_code_counts
R33 sdk/test_runner.py a_time_limit_is_kept
R36 sdk/test_runner.py a_link_out_of_the_folder_is_not_collected
R38 sdk/test_runner.py a_script_that_removes_its_outputs_goes_on_and_the_log_says_so
R39 sdk/test_runner.py a_file_whose_name_is_not_utf_8_is_saved_under_a_readable_one
R41 sdk/test_runner.py a_script_writes_no_core_file
R45 test_run_tokens.py a_token_that_is_no_longer_valid_is_refused_at_every_route
R47 runs/test_family_limits.py a_job_that_submits_itself_again_comes_to_an_end
R52 sdk/test_runner.py cancel_ends_the_script_and_its_children
R56 sdk/test_metrics_queue.py what_could_not_be_sent_is_counted_at_the_end
R58 compute/test_queue.py a_node_that_is_to_leave_claims_nothing
U33 costs/test_limits.py full_storage_refuses_new_jobs_and_uploads
U55 sdk/test_datastores.py a_folder_below_an_allowed_root_is_a_datastore
F31 accounts/test_activity.py a_wrong_filter_says_what_is_allowed
F39 runs/test_create_job.py what_cannot_be_code_is_refused
F54 workspaces/test_vault.py the_value_is_in_no_page_log_activity_or_dump_of_the_database
S48 sdk/test_models.py what_is_wrong_is_said_before_anything_is_registered
S51 sdk/test_scoring.py run_that_takes_too_long_is_a_504_that_names_the_limit
S54 sdk/test_keyvault.py what_is_missing_or_wrong_is_said
E20 sdk/test_isolation.py code_that_builds_a_package_opens_no_file_of_the_studio
E56 sdk/test_isolation.py a_script_opens_only_what_it_is_given_of_the_data_folder
R05 sdk/test_isolation.py a_script_cannot_look_into_other_processes_or_end_them
R06 sdk/test_isolation.py a_script_cannot_look_into_other_processes_or_end_them
R07 sdk/test_isolation.py a_script_cannot_look_into_other_processes_or_end_them
R44 sdk/test_isolation.py a_script_of_a_studio_that_runs_as_root_has_no_capabilities
R49 sdk/test_isolation.py a_script_opens_only_what_it_is_given_of_the_data_folder
R50 sdk/test_isolation.py a_script_of_a_studio_that_runs_as_root_has_no_capabilities
"""

# Row, and why: what is not there, or what this studio does instead.
NOT_HERE = """
A60 Sources that lie elsewhere, such as s3: and dbfs:, are recorded as names and never opened; files of the server are refused.
A41 A series has no end: its points are packed, and charts read a downsampled chunk of them.
A61 No tag, and no other word of a user's, switches a check off.
U10 Both forms are kept, as Linux keeps them; bytes lie under random keys (a test of this folder has them with U09).
U15 No tar is read.
U16 Files of a snapshot are written without the mode that the zip names, under umask 077.
U44 No picture is decoded by the server: no library for it is there.
U59 The runner has the script's own account, so that it may read what the script may; what it cannot read is a problem of the upload that is said.
U60 Nobody uploads a picture of themselves or a logo.
F50 tests/js/log-text.test.js: a test of JavaScript.
S06 Older and newer clients ignore what they do not know; there is no number of a wire yet that could be refused.
S35 What the queue has not sent dies with a script that is killed: it is sent within 0.05 s, or the next answer of the server.
S47 There are no pipelines in this version.
E16 Indexes and options are taken as people's files name them; our own distributions come from no other index (E42).
E17 As E16: what can be fetched is installed, a path of another machine is left out and said.
E26 A build does not ask the key vault: an index with a password is a setting of the node or stands in the file, and is masked in logs.
E40 Names of environments are kept as they are written, as Azure keeps them.
E41 uv builds every environment, and none of its own packages lies in it.
E50 It is masked in logs; who may read the environment may read it.
E52 As E41.
E54 uv checks what an index serves.
E55 The script's own import says so, with the name of the package (R28).
E57 The cache is keyed by content, and one account runs all builds of a host: docs/security.md.
E59 uv says so in its own words, which stand in the log.
R11 A run has no limit of its own on disk, docs/security.md; a full disk is U32.
R12 As R11.
R14 The limits of the account count.
R18 Bytes are kept as they are; pages show a replacement for what is no UTF-8.
R20 tests/js/log-text.test.js: a line is what a terminal would show.
R29 Python's own exit code counts.
R42 Scripts share the network with the studio: docs/security.md.
R43 As R42; Redis of the studio is a socket in the data folder, which is hidden (R49).
R46 A script waits for room in its queue (S30), and nothing is refused for its pace.
R51 As R42.
R54 It harms only its own script.
R57 Python's own words count.
R59 Each run has TMPDIR of its own; /tmp is shared.
E05 No dependencies, or an empty list, is a valid file of conda: the environment has Python alone, and a warning says so.
E53 Versions are texts, as in Azure, so 0 and 1.0 can be registered; one that is not there is a 404.
"""
