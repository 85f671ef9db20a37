// A button on the page of a study in Orthanc Explorer.
$('#study').live('pagebeforecreate', function() {
  var button = $('<a>')
    .attr('data-role', 'button')
    .attr('href', '#')
    .attr('data-icon', 'star')
    .attr('data-theme', 'e')
    .attr('id', 'dlnms-score')
    .text('Score with DLNMS');
  button.insertBefore($('#study-delete').parent().parent());
  button.click(function(event) {
    event.preventDefault();
    window.location.href = '../dlnms/app?study=' + encodeURIComponent($.mobile.pageData.uuid);
  });
});
